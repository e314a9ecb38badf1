/** What a device remembers of its releases: two slots for each, what serves, and how far an update has come. */
import type { ReleaseDescription } from './description.js';

/** Each release name has two: what serves lies in one, the other is for what comes next or what came before. */
export type Slot = 'a' | 'b';

export interface SlotFile {
  /** Inside the slot, such as `model.onnx`. */
  readonly name: string;
  /** Lower-case hexadecimal, as the signed targets say. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** What makes its model of that of another version. */
export interface SlotDelta extends SlotFile {
  /** The version that it is from. */
  readonly from: number;
}

/** A release that the signed targets name, and the slot that it is for. */
export interface SlottedRelease {
  readonly version: number;
  readonly slot: Slot;
  readonly files: readonly SlotFile[];
  /** Of which a device needs none. */
  readonly deltas: readonly SlotDelta[];
}

/** All of it is in its slot, with the hashes that were signed. */
export interface InstalledRelease extends SlottedRelease, ReleaseDescription {}

export type UpdateStage =
  | { readonly kind: 'resting' }
  /** Being downloaded into the slot that does not serve. */
  | { readonly kind: 'fetching'; readonly release: SlottedRelease }
  /** Whole, and tried on recent local data while another one serves. */
  | { readonly kind: 'checking'; readonly release: InstalledRelease; readonly crashes: number }
  /** It serves since a moment ago; what served before is kept to go back to. */
  | { readonly kind: 'watching'; readonly remainingMs: number; readonly crashes: number };

/** Why an attempt stopped that may go better later. */
export interface Hindrance {
  readonly version: number;
  /** `RELEASE_EXPIRED`, `agent/disk-full`, … */
  readonly code: string;
  /** A sentence. */
  readonly reason: string;
}

export interface FailedRelease {
  readonly version: number;
  /** A sentence. */
  readonly reason: string;
}

/** The releases of one name. */
export interface ModelReleases {
  /** What serves; where it is undefined, what the models folder has under that name, if anything. */
  readonly active: InstalledRelease | undefined;
  /** What lies whole in the other slot. */
  readonly spare: InstalledRelease | undefined;
  readonly stage: UpdateStage;
  /** What was given up here, and is not tried again; newest last. */
  readonly failed: readonly FailedRelease[];
  readonly hindrance: Hindrance | undefined;
}

export interface ReleasesState {
  /** Whether a process lives that has not said that it ends: at a start, the one before died. */
  readonly alive: boolean;
  /** By name. */
  readonly models: Readonly<Record<string, ModelReleases>>;
}

export const noReleases: ReleasesState = { alive: false, models: {} };

export const nothingReleased: ModelReleases = {
  active: undefined,
  spare: undefined,
  stage: { kind: 'resting' },
  failed: [],
  hindrance: undefined,
};

/** How many that were given up are remembered, of each name. */
export const failedMax = 64;

export function otherSlot(slot: Slot | undefined): Slot {
  return slot === 'a' ? 'b' : 'a';
}

/** JSON, for the file `state.json`. */
export function encodeState(state: ReleasesState): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ format: 1, ...state })}\n`);
}

/** Reads what `encodeState` wrote; throws where it is of a newer agent. */
export function decodeState(bytes: Uint8Array): ReleasesState {
  const { format, alive, models } = JSON.parse(new TextDecoder().decode(bytes)) as ReleasesState & {
    readonly format: number;
  };
  if (format !== 1) throw new Error(`The releases were written by a newer agent (format ${format}).`);
  return { alive, models };
}

/** How a release does here, as the coordinator is told. */
export interface ReleaseReport {
  readonly name: string;
  readonly version: number;
  readonly health: 'trying' | 'watched' | 'proven' | 'failed';
  readonly reason: string;
}

const failedReported = 8;

export function reportOf({ models }: ReleasesState): readonly ReleaseReport[] {
  return Object.entries(models).flatMap(([name, { active, stage, failed, hindrance }]) => {
    const reports: ReleaseReport[] = [];
    if (active !== undefined) {
      const health = stage.kind === 'watching' ? 'watched' : 'proven';
      reports.push({ name, version: active.version, health, reason: '' });
    }
    const tried = stage.kind === 'fetching' || stage.kind === 'checking' ? stage.release.version : undefined;
    const version = tried ?? hindrance?.version;
    if (version !== undefined && version !== active?.version) {
      const reason = hindrance?.version === version ? `${hindrance.code}: ${hindrance.reason}` : '';
      reports.push({ name, version, health: 'trying', reason });
    }
    for (const { version, reason } of failed.slice(-failedReported)) {
      reports.push({ name, version, health: 'failed', reason });
    }
    return reports;
  });
}
