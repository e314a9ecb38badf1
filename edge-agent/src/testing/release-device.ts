/** A device's releases in virtual time, process after process on the same disk; it notes what serves, and that it was signed. */
import { createSeededEntropy, type VirtualClock } from '@starling/federation';
import {
  defaultReleaseSettings,
  type InstalledRelease,
  openReleases,
  type ReleaseFiles,
  type ReleaseServing,
  type ReleaseSettings,
  type Releases,
  type ReleaseTransport,
  type WatchFigures,
} from '../releases/index.js';
import { Crash, crashingFiles } from './release-disk.js';
import { sha256Of } from './release-repository.js';

export interface DeviceOptions {
  readonly clock: VirtualClock;
  readonly files: ReleaseFiles;
  readonly transport: ReleaseTransport;
  readonly settings?: Partial<ReleaseSettings>;
  /** The health check; everything passes unless told. */
  readonly check?: (release: InstalledRelease, signal: AbortSignal) => Promise<string | undefined>;
  /** How the release does that serves. */
  readonly figures?: (version: number) => Partial<WatchFigures>;
  /** Hashes that may serve, by version. */
  readonly signed: ReadonlyMap<number, string>;
  readonly warn?: (message: string) => void;
}

export interface ReleaseDevice {
  readonly releases: Releases;
  /** Version that serves; undefined for none. */
  readonly serving: number | undefined;
  /** Whether something of it ran into its end since it was killed. */
  readonly hasDied: boolean;
  /** Ends the process: nothing of it reaches disk or coordinator any more. */
  kill(): void;
}

/** Starts a process; what it serves was checked against `signed` in every moment. */
export async function releaseDevice(options: DeviceOptions): Promise<ReleaseDevice> {
  const { clock, transport, settings, check, figures, signed } = options;
  const files = crashingFiles(options.files);
  let isDead = false;
  let hasDied = false;
  void files.crashed.then(() => {
    hasDied = true;
  });
  const alive = (): void => {
    if (isDead) throw new Crash('The process has ended.');
  };
  let active: number | undefined;
  const serving: ReleaseServing = {
    async serve(_name, version, model) {
      if (active === version) return;
      const sha256 = sha256Of(await model());
      if (signed.get(version) !== sha256) throw new Error(`UNVERIFIED: version ${version} is ${sha256}`);
      active = version;
    },
    async serveLocal() {
      active = undefined;
    },
    async settle() {},
    figures: () => ({
      ...{ requests: 0, failures: 0, latencyP99Ms: 0, failureShareBefore: 0 },
      ...figures?.(active ?? 0),
    }),
  };
  const warn = (_fields: object, message: string): void => options.warn?.(message);
  const releases = await openReleases({
    files,
    serving,
    check: async (_name, release, signal) => check?.(release, signal),
    clock,
    entropy: createSeededEntropy('device'),
    log: { info() {}, warn, error: warn },
    settings: { ...defaultReleaseSettings, ...settings },
  });
  releases.follow({
    async releaseFile(...asked) {
      alive();
      return transport.releaseFile(...asked);
    },
    async reportReleases(...told) {
      alive();
      return transport.reportReleases(...told);
    },
    async *download(...asked) {
      for await (const chunk of transport.download(...asked)) {
        alive();
        yield chunk;
      }
    },
  });
  return {
    releases,
    get serving() {
      return active;
    },
    get hasDied() {
      return hasDied;
    },
    kill() {
      isDead = true;
      files.kill();
    },
  };
}

const turnsMax = 20_000;

/** Lets virtual time pass until `look` finds what it looks for; `turn` lets what is not virtual go on. */
export async function passTime(
  clock: VirtualClock,
  look: () => boolean,
  turn: () => Promise<void> = () => new Promise((resolve) => setImmediate(resolve)),
): Promise<void> {
  for (let turns = 0; !look(); turns++) {
    if (turns === turnsMax) throw new Error('what was waited for did not happen');
    await turn();
    clock.advance(100);
  }
}
