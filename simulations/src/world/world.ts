/**
 * A coordinator, its devices and an operator in one process under one virtual clock: the products' own code over
 * simulated disks and a simulated network. A seed decides everything.
 */
// Before whatever is simulated.
import './host.js';
import './remembered-crypto.js';
import { defaultLimits, openCoordinator } from '@starling/coordinator/simulation';
import type { ExampleSource, TrainingRuntime } from '@starling/engine';
import { createVirtualClock, type VirtualClock } from '@starling/federation';
import { type Connection, createInProcessServer } from '@starling/proto';
import { type Chance, createChance } from './chance.js';
import { openSimulatedDatabase } from './database.js';
import { type DeviceLife, holdMsMax, startDeviceLife } from './device.js';
import type { Disk } from './disk.js';
import { logOf, type Mishap } from './mishaps.js';
import { createNetwork, type Network } from './network.js';
import { simulatedRuntime } from './runtime.js';
import type { OnServed } from './serving.js';
import { createMachine, type Machine, type SimulatedProcess, startProcess } from './simulated-process.js';

/** What a world begins with: made once, copied for each. */
export interface Template {
  readonly startAtMs: number;
  readonly coordinator: Disk;
  readonly devices: ReadonlyMap<string, Disk>;
  readonly operatorToken: string;
  readonly taskNames: readonly string[];
  /** The first root of the fleet's releases, which devices are given. */
  readonly releaseRoot: Uint8Array;
}

export interface World {
  readonly clock: VirtualClock;
  readonly chance: Chance;
  readonly network: Network;
  readonly coordinator: Machine;
  readonly devices: ReadonlyMap<string, Machine>;
  readonly template: Template;
  /** Failures that nothing expected: assertions, and exceptions that are no refusals. */
  readonly mishaps: Mishap[];
  /** The coordinator's living process. */
  coordinatorProcess(): SimulatedProcess | undefined;
  life(device: string): DeviceLife | undefined;
  operator(): Connection;
  startCoordinator(): void;
  startDevice(name: string): void;
  /** Starts a device again whose agent ended, unless it left. */
  resumeDevice(name: string): void;
  /** Stops supervising a device: it is started by nobody when it ends. */
  leave(name: string): void;
  machine(name: string): Machine;
  /** Kills everything that still lives. */
  end(): void;
  /** Runs what is due next; false where nothing waits. */
  step(): Promise<boolean>;
}

export const exampleCountOf = (device: string): number =>
  5 + 7 * Number(device.slice(device.indexOf('-') + 1));

/** Examples of which nothing but their number is asked. */
function countedExamples(device: string): ExampleSource {
  return { count: exampleCountOf(device), checked: true, readFeatures() {}, readTargets() {} };
}

const restartMs = 1_000;

export const simulatedLimits = {
  ...defaultLimits,
  holdMsMax,
  uploadIdleMsMax: 10_000,
  pace: { checkInsPerSecond: 200, periodMsMin: 500, periodMsMax: 5_000 },
};

export interface WorldOptions {
  readonly seed: number;
  readonly template: Template;
  readonly telemetry?: boolean;
  /** Devices follow releases. */
  readonly releases?: { readonly onServed: OnServed };
  /** What trains on a device; something that only seems to unless told. */
  readonly runtimeOf?: (process: SimulatedProcess, device: string) => TrainingRuntime;
  readonly examplesOf?: (device: string) => ExampleSource;
  /** Work that takes real time: virtual time waits for it. */
  readonly busy?: ReadonlySet<Promise<unknown>>;
}

export function createWorld(options: WorldOptions): World {
  const { seed, template, telemetry = false, releases, busy, runtimeOf = simulatedRuntime } = options;
  const { examplesOf = countedExamples } = options;
  const clock = createVirtualClock(template.startAtMs);
  const chance = createChance(seed);
  const network = createNetwork(clock, chance.fork('network'));
  const coordinator = createMachine('coordinator', template.coordinator.copy());
  const devices = new Map(
    [...template.devices].map(([name, disk]) => [name, createMachine(name, disk.copy())]),
  );
  const mishaps: Mishap[] = [];
  const present = new Set<string>();
  const lives = new Map<string, DeviceLife>();
  let running: SimulatedProcess | undefined;
  const processOptions = { clock, seed: `world ${seed}`, chance: chance.fork('processes') };

  const startCoordinator = (): void => {
    if (running?.isAlive) return;
    const process = startProcess({ ...processOptions, machine: coordinator });
    running = process;
    const server = createInProcessServer();
    openCoordinator({
      folder: `${process.mount}/coordinator`,
      authorityFolder: `${process.mount}/authority`,
      names: [],
      host: 'coordinator',
      telemetry: { kind: 'grpc' },
      log: logOf('coordinator', process, mishaps),
      clock: process.clock,
      entropy: process.entropy,
      limits: simulatedLimits,
      server,
      openDatabase: openSimulatedDatabase(process),
    }).then(
      ({ identity }) => {
        if (!process.isAlive) return;
        identity.knowPeersBy(network.peerAt);
        network.listen({ process, server });
      },
      (error: unknown) => {
        if (!process.isAlive) return;
        // With a full disk it cannot start; whoever supervises it tries again.
        if (!coordinator.disk.isFull) mishaps.push({ where: 'start of the coordinator', error });
        process.kill();
        clock.schedule(restartMs, startCoordinator);
      },
    );
  };

  const startDevice = (name: string): void => {
    present.add(name);
    const machine = devices.get(name);
    if (machine === undefined || lives.get(name)?.process.isAlive) return;
    const process = startProcess({ ...processOptions, machine });
    const life = startDeviceLife({
      name,
      process,
      network,
      taskNames: template.taskNames,
      telemetry,
      releases:
        releases === undefined ? undefined : { root: template.releaseRoot, onServed: releases.onServed },
      runtime: runtimeOf(process, name),
      examples: () => examplesOf(name),
      mishaps,
      restart() {
        process.kill();
        if (present.has(name)) clock.schedule(restartMs, () => startDevice(name));
      },
    });
    lives.set(name, life);
  };

  const operatorProcess = startProcess({ ...processOptions, machine: createMachine('operator') });

  return {
    clock,
    chance,
    network,
    coordinator,
    devices,
    template,
    mishaps,
    coordinatorProcess: () => (running?.isAlive ? running : undefined),
    life: (name) => {
      const life = lives.get(name);
      return life?.process.isAlive ? life : undefined;
    },
    operator: () => network.connect(operatorProcess, undefined, template.operatorToken),
    startCoordinator,
    startDevice,
    resumeDevice(name) {
      if (present.has(name)) startDevice(name);
    },
    machine(name) {
      const machine = name === 'coordinator' ? coordinator : devices.get(name);
      if (machine === undefined) throw new RangeError(`there is no machine ${name}`);
      return machine;
    },
    end() {
      running?.kill();
      operatorProcess.kill();
      for (const { process } of lives.values()) process.kill();
      // Node.js keeps signals that somebody listens to, they what cancels a timer, and that the clock: a whole world.
      clock.clear();
    },
    leave(name) {
      present.delete(name);
      lives.get(name)?.stop();
    },
    async step() {
      await settled();
      while (busy !== undefined && busy.size > 0) {
        await Promise.allSettled(busy);
        await settled();
      }
      return clock.runNext();
    },
  };
}

/** One turn of the event loop: what can go on without time passing has gone on by then. */
export function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
