/** A repository of releases in memory, with the keys of its people, behind the transport that a device uses. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import {
  type Clock,
  type ReleaseRole,
  type ReleaseSigner,
  signRoot,
  signSnapshot,
  signTargets,
  signTimestamp,
  type TargetContent,
} from '@starling/federation';
import type { ReleaseReport, ReleaseTransport, WantedRelease } from '../releases/index.js';

const dayMs = 86_400_000;

export function releaseSigner(): ReleaseSigner {
  // biome-ignore lint/plugin: a key of tests, which replay nothing.
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return { privateKey, publicKey: new Uint8Array(raw) };
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

export interface ReleaseKeys {
  /** Two of them must sign. */
  readonly people: readonly ReleaseSigner[];
  readonly online: ReleaseSigner;
}

export function releaseKeys(): ReleaseKeys {
  return { people: [releaseSigner(), releaseSigner(), releaseSigner()], online: releaseSigner() };
}

export interface ReleaseRepository extends ReleaseTransport {
  /** What it hands out, by `role/version`; version 0 is the newest. A test may replace any. */
  readonly files: Map<string, Uint8Array>;
  /** By hash. */
  readonly contents: Map<string, Uint8Array>;
  /** What devices should run. */
  wanted: readonly WantedRelease[];
  /** What devices said, newest last. */
  readonly reports: (readonly ReleaseReport[])[];
  /** Bytes of content that were handed out. */
  sentBytes: number;
  /** Puts it beside what is released, signed by two people. */
  release(version: number, model: Uint8Array, options?: ReleaseChanges): void;
  /** A root that follows, with these keys from now on. */
  rotate(keys: ReleaseKeys): void;
  /** Signs everything anew, with the next versions or with these. */
  sign(changes?: SignChanges): void;
}

export interface ReleaseChanges {
  readonly health?: object;
  /** Laid over `release.json`. */
  readonly description?: object;
  readonly files?: Readonly<Record<string, Uint8Array>>;
}

export interface SignChanges {
  readonly versions?: number;
  readonly lifeMs?: number;
  readonly signers?: readonly ReleaseSigner[];
}

/** @param name of all its releases */
export function releaseRepository(
  clock: Pick<Clock, 'now'>,
  name = 'pump',
  first: ReleaseKeys = releaseKeys(),
): ReleaseRepository {
  let keys = first;
  let rootVersion = 0;
  let version = 0;
  const targets = new Map<string, TargetContent>();
  const files = new Map<string, Uint8Array>();
  const contents = new Map<string, Uint8Array>();

  const put = (role: ReleaseRole, number: number, bytes: Uint8Array): void => {
    files.set(`${role}/${number}`, bytes);
    files.set(`${role}/0`, bytes);
  };
  const root = (signers: readonly ReleaseSigner[]): void => {
    const people = { keys: keys.people.map(({ publicKey }) => publicKey), threshold: 2 };
    const online = { keys: [keys.online.publicKey], threshold: 1 };
    const roles = { root: people, targets: people, snapshot: online, timestamp: online };
    rootVersion += 1;
    const expiresAtMs = clock.now() + 365 * dayMs;
    put('root', rootVersion, signRoot({ version: rootVersion, expiresAtMs, roles }, signers));
  };
  const store = (bytes: Uint8Array): TargetContent => {
    const sha256 = sha256Of(bytes);
    contents.set(sha256, bytes);
    return { sha256, sizeBytes: bytes.byteLength };
  };

  const repository: ReleaseRepository = {
    files,
    contents,
    wanted: [],
    reports: [],
    sentBytes: 0,
    release(number, model, { health, description, files: others = {} } = {}) {
      const { sha256 } = store(model);
      const described = {
        name,
        version: number,
        model: { path: `${name}/${number}/model.onnx`, sha256 },
        health: { watchMs: 1_000, ...health },
        ...description,
      };
      const all = { ...others, 'model.onnx': model, 'release.json': Buffer.from(JSON.stringify(described)) };
      for (const [file, bytes] of Object.entries(all)) targets.set(`${name}/${number}/${file}`, store(bytes));
      repository.sign();
    },
    rotate(next) {
      const before = keys;
      keys = next;
      root([...before.people.slice(0, 2), ...next.people.slice(0, 2)]);
      repository.sign();
    },
    sign({ versions, lifeMs = dayMs, signers = keys.people.slice(0, 2) } = {}) {
      version = versions ?? version + 1;
      const expiresAtMs = clock.now() + lifeMs;
      const online = [keys.online];
      const targetsBytes = signTargets({ version, expiresAtMs, targets }, signers);
      const snapshot = signSnapshot(version, expiresAtMs, { version, bytes: targetsBytes }, online);
      put('targets', version, targetsBytes);
      put('snapshot', version, snapshot);
      put('timestamp', version, signTimestamp(version, expiresAtMs, { version, bytes: snapshot }, online));
    },
    releaseFile: async (role, number) => files.get(`${role}/${number}`),
    async reportReleases(running) {
      repository.reports.push(running);
      return { wanted: repository.wanted, reportAgainMs: 1_000 };
    },
    async *download(sha256, offset) {
      const content = contents.get(sha256) ?? new Uint8Array(0);
      const chunk = 64;
      for (let at = offset; at < content.byteLength; at += chunk) {
        const bytes = content.subarray(at, at + chunk);
        repository.sentBytes += bytes.byteLength;
        yield bytes;
      }
    },
  };
  root(keys.people.slice(0, 2));
  return repository;
}
