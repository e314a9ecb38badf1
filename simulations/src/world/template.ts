/** Makes what worlds begin with: an authority, a coordinator's folder with tasks, devices that are enrolled. */
import './host.js';
import './remembered-crypto.js';
import { type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { applySigned, parseTask } from '@starling/coordinator';
import {
  initAuthorityFolder,
  openCoordinator,
  writeCoordinatorFolder,
} from '@starling/coordinator/simulation';
import { makeCertificateRequest, preload } from '@starling/edge-agent';
import { createSeededEntropy, createVirtualClock, type ReleaseSigner, signRoot } from '@starling/federation';
import {
  createClient,
  createInProcessServer,
  EnrolmentService,
  FleetService,
  OperationsService,
  privateKeyFromSeed,
  privateKeyPem,
  ReleaseOperationsService,
  rawPublicKey,
  type ServiceClient,
} from '@starling/proto';
import { createChance } from './chance.js';
import { openSimulatedDatabase } from './database.js';
import { Disk } from './disk.js';
import { createNetwork } from './network.js';
import { createMachine, startProcess } from './simulated-process.js';
import { settled, simulatedLimits, type Template } from './world.js';

const startAtMs = Date.UTC(2026, 0, 1);

export interface TemplateOptions {
  readonly devices: readonly string[];
  /** Definitions as operators write them. */
  readonly tasks: readonly object[];
}

/** Owns the tasks of all simulated fleets. */
export const ownerKey = () => privateKeyFromSeed(createSeededEntropy('owner of simulated tasks').bytes(32));

/** Who sign releases: two of them must. */
export const releaseSigners: readonly ReleaseSigner[] = ['first', 'second'].map((name) => {
  const entropy = createSeededEntropy(`${name} who signs simulated releases`);
  const privateKey = privateKeyFromSeed(entropy.bytes(32));
  return { privateKey, publicKey: rawPublicKey(privateKey) };
});

const rootLifeMs = 365 * 86_400_000;

async function publishRoot(
  releases: ServiceClient<typeof ReleaseOperationsService>,
  nowMs: number,
): Promise<Uint8Array> {
  const { onlineKey } = await releases.getReleaseState({});
  const people = { keys: releaseSigners.map(({ publicKey }) => publicKey), threshold: 2 };
  const online = { keys: [onlineKey], threshold: 1 };
  const roles = { root: people, targets: people, snapshot: online, timestamp: online };
  const content = signRoot({ version: 1, expiresAtMs: nowMs + rootLifeMs, roles }, releaseSigners);
  await releases.publishReleaseFile({ role: 'root', content });
  return content;
}

export async function makeTemplate({ devices, tasks }: TemplateOptions): Promise<Template> {
  await preload();
  const ticking = createVirtualClock(startAtMs);
  // How long it takes is the machine's to say, and certificates begin when they are made: for them, no time passes.
  const clock = { ...ticking, now: () => startAtMs };
  const chance = createChance(1);
  const network = createNetwork(clock, chance.fork('network'));
  const entropy = createSeededEntropy('template');
  const machine = createMachine('coordinator');
  const process = startProcess({ machine, clock, seed: 'template', chance });
  const owner = ownerKey();
  const { mount } = process;
  const quiet = { debug() {}, info() {}, warn() {}, error() {} };

  const keyOf = (name: string): KeyObject => privateKeyFromSeed(entropy.fork(name).bytes(32));
  // Made in threads, so before anything waits for virtual time.
  const requests = await Promise.all(devices.map((name) => makeCertificateRequest(keyOf(name), name)));

  const make = async (): Promise<Template> => {
    machine.disk.makeFolder('/coordinator', true, 0o700);
    const authority = await initAuthorityFolder(`${mount}/signing`, entropy.fork('authority'), clock.now());
    await writeCoordinatorFolder(authority, `${mount}/authority`, [], clock.now());
    const server = createInProcessServer();
    const { identity } = await openCoordinator({
      folder: `${mount}/coordinator`,
      authorityFolder: `${mount}/signing`,
      names: [],
      host: 'coordinator',
      telemetry: { kind: 'grpc' },
      log: quiet,
      clock: process.clock,
      entropy: process.entropy,
      limits: simulatedLimits,
      server,
      openDatabase: openSimulatedDatabase(process),
    });
    identity.knowPeersBy(network.peerAt);
    network.listen({ process, server });
    const operatorToken = (await readFile(`${mount}/coordinator/admin.token`, 'utf8')).trim();
    const operator = network.connect(process, undefined, operatorToken);
    const fleet = createClient(FleetService, operator);
    const { text: token } = await fleet.createToken({
      group: 'fleet',
      deviceId: '',
      usesMax: devices.length,
      lifetimeMs: 86_400_000,
    });
    const enrolment = createClient(EnrolmentService, network.connect(process, undefined));
    const disks = new Map<string, Disk>();
    for (const [index, name] of devices.entries()) {
      const key = keyOf(name);
      const { outcome } = await enrolment.enrol({
        token,
        certificateRequest: requests[index],
      });
      if (outcome?.kind !== 'certificate') throw new Error(`device ${name} was not certified`);
      const disk = new Disk();
      disk.makeFolder('/agent/identity', true, 0o700);
      const write = (path: string, text: string): void => {
        disk.write(path, disk.create(path, 0o600, startAtMs), Buffer.from(text), 0, startAtMs);
      };
      write('/agent/device-id', `${name}\n`);
      write('/agent/identity/device.key', privateKeyPem(key));
      write('/agent/identity/device.pem', new X509Certificate(outcome.value.certificate).toString());
      write('/agent/identity/authority.pem', authority.certificate);
      disk.settle();
      disks.set(name, disk);
    }
    const operations = createClient(OperationsService, operator);
    const taskNames: string[] = [];
    for (const task of tasks) {
      const definition = parseTask(JSON.stringify(task));
      await applySigned(operations, definition, owner);
      taskNames.push(definition.name);
    }
    const releaseRoot = await publishRoot(createClient(ReleaseOperationsService, operator), clock.now());
    process.kill();
    machine.disk.settle();
    return { startAtMs, coordinator: machine.disk, devices: disks, operatorToken, taskNames, releaseRoot };
  };

  // Keys are made on another thread: real time passes, and timers with it.
  let isDone = false;
  const made = make().finally(() => {
    isDone = true;
  });
  made.catch(() => {});
  while (!isDone) {
    await settled();
    clock.advance(1);
  }
  return made;
}
