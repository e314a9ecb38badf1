/** What the coordinator remembers of releases, as a port. */
import type { ReleaseRole } from '@starling/federation';
import type { DeviceId } from '../ids.js';
import type { Rollout } from './rollout.js';

export interface ReleaseFile {
  readonly role: ReleaseRole;
  readonly version: number;
  readonly content: Uint8Array;
}

export type ReleaseHealth = 'trying' | 'watched' | 'proven' | 'failed';

/** What a device said of one version; the newest word on it counts. */
export interface DeviceRelease {
  readonly deviceId: DeviceId;
  readonly name: string;
  readonly version: number;
  readonly health: ReleaseHealth;
  readonly reason: string;
  readonly reportedAtMs: number;
}

/** What a device itself says of it. */
export type ReportedRelease = Omit<DeviceRelease, 'deviceId' | 'reportedAtMs'>;

export interface ReleaseStore {
  newest(role: ReleaseRole): Promise<ReleaseFile | undefined>;
  file(role: ReleaseRole, version: number): Promise<ReleaseFile | undefined>;
  /** All of them in one transaction. Rejects where a version is taken. */
  add(files: readonly ReleaseFile[]): Promise<void>;
  /** Newest first. */
  rollouts(): Promise<readonly Rollout[]>;
  /** Adds it, or replaces the one of that name and version. */
  putRollout(rollout: Rollout): Promise<void>;
  /** What a device runs, or that it runs nothing yet. */
  report(deviceId: DeviceId, reportedAtMs: number, releases: readonly ReportedRelease[]): Promise<void>;
  /** The devices that reported since then; those who did so first come first. */
  followers(
    sinceMs: number,
  ): Promise<readonly { readonly deviceId: DeviceId; readonly reportedAtMs: number }[]>;
  reports(name?: string, version?: number): Promise<readonly DeviceRelease[]>;
}
