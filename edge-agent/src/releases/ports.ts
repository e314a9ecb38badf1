/** What an update needs of the world around it. */
import type { Clock, Entropy } from '@starling/federation';
import type { Log } from '../connection/shell.js';
import type { WantedRelease } from './events.js';
import type { ReleaseFiles } from './files.js';
import type { FetchReleaseFile } from './metadata.js';
import type { ReleaseServing } from './serving.js';
import type { ReleaseDownload } from './slots.js';
import type { InstalledRelease, ReleaseReport } from './state.js';

export interface ReleaseSettings {
  /** The first root to believe; the coordinator's first one where it is absent. */
  readonly root?: Uint8Array | undefined;
  /** Longest time between two reports, in milliseconds; the coordinator may ask for shorter ones. */
  readonly reportMsMax: number;
  /** First and longest wait after an attempt that stopped, in milliseconds. */
  readonly retryMsMin: number;
  readonly retryMsMax: number;
}

export const defaultReleaseSettings: ReleaseSettings = {
  reportMsMax: 300_000,
  retryMsMin: 1_000,
  retryMsMax: 300_000,
};

/** What the coordinator is asked; every call ends early when its signal aborts, and may fail with a CallError. */
export interface ReleaseTransport {
  readonly releaseFile: FetchReleaseFile;
  reportReleases(
    running: readonly ReleaseReport[],
    signal: AbortSignal,
  ): Promise<{ readonly wanted: readonly WantedRelease[]; readonly reportAgainMs: number }>;
  readonly download: ReleaseDownload;
}

export interface ReleasePorts {
  readonly files: ReleaseFiles;
  readonly serving: ReleaseServing;
  /** The health check of what lies whole in its slot: what speaks against it, a sentence, or undefined. */
  check(name: string, release: InstalledRelease, signal: AbortSignal): Promise<string | undefined>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly settings: ReleaseSettings;
}
