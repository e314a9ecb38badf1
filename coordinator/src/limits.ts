import type { PaceSettings } from './check-in/index.js';

/** What bounds a coordinator's memory and traffic. */
export interface CoordinatorLimits {
  /** Most check-ins held open at a time; devices beyond it are paced. */
  readonly checkInsHeldMax: number;
  /** Longest time a check-in is held, in milliseconds. */
  readonly holdMsMax: number;
  /** Most uploads served at a time; others wait their turn. */
  readonly uploadsServedMax: number;
  /** Longest silence within an upload, in milliseconds. */
  readonly uploadIdleMsMax: number;
  /** Most devices remembered. */
  readonly devicesMax: number;
  readonly pace: PaceSettings;
  /** Checkpoints of an ended run that are kept beside its first; `null` keeps all. */
  readonly checkpointsKept: number | null;
  /** Most bytes of devices' telemetry to keep, compressed; the oldest go. */
  readonly telemetryBytesMax: number;
}

export const defaultLimits: CoordinatorLimits = {
  checkInsHeldMax: 8192,
  holdMsMax: 60_000,
  uploadsServedMax: 32,
  uploadIdleMsMax: 60_000,
  devicesMax: 1_000_000,
  pace: { checkInsPerSecond: 200, periodMsMin: 1000, periodMsMax: 600_000 },
  checkpointsKept: null,
  telemetryBytesMax: 10 * 1024 ** 3,
};
