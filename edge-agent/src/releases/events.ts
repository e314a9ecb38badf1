/** What happens to the releases of a device, and what is to be done about it. */
import type { ReleaseDescription } from './description.js';
import type { WatchFigures } from './health.js';
import type {
  InstalledRelease,
  ModelReleases,
  ReleasesState,
  SlotDelta,
  SlotFile,
  SlottedRelease,
} from './state.js';

export type ReleaseEvent =
  /** The process starts. */
  | { readonly kind: 'started' }
  /** It ends as it was asked to. */
  | { readonly kind: 'stopping' }
  /** What the coordinator wants this device to run; version 0 for nothing. */
  | { readonly kind: 'wanted'; readonly releases: readonly WantedRelease[] }
  /** The believed targets name it. */
  | {
      readonly kind: 'offered';
      readonly name: string;
      readonly version: number;
      readonly files: readonly SlotFile[];
      readonly deltas: readonly SlotDelta[];
    }
  /** All of it is in its slot, durably, with the hashes that were signed. */
  | ({ readonly kind: 'fetched'; readonly name: string; readonly version: number } & ReleaseDescription)
  /** The health check ended; `fault` is a sentence where it did not pass. */
  | {
      readonly kind: 'checked';
      readonly name: string;
      readonly version: number;
      readonly fault: string | undefined;
    }
  /** A person on the device wants versions tried again that were given up: one, or all of that name. */
  | { readonly kind: 'retried'; readonly name: string; readonly version: number | undefined }
  /** An attempt stopped for a reason that may pass. With `drop`, what was downloaded is of no use. */
  | {
      readonly kind: 'hindered';
      readonly name: string;
      readonly version: number;
      readonly code: string;
      readonly reason: string;
      readonly drop: boolean;
    }
  | {
      readonly kind: 'watched';
      readonly name: string;
      readonly version: number;
      readonly elapsedMs: number;
      readonly figures: WatchFigures;
    }
  /** Its scores are no longer distributed as its reference says. */
  | {
      readonly kind: 'drifted';
      readonly name: string;
      readonly version: number;
      readonly stabilityIndex: number;
    }
  /** What should serve could not be loaded, or is not in its slot any more as it was put there (`isDamaged`). */
  | {
      readonly kind: 'broken';
      readonly name: string;
      readonly version: number;
      readonly isDamaged: boolean;
      readonly reason: string;
    };

/** Of the releases of one name. */
export type ModelEvent = Exclude<
  ReleaseEvent,
  { readonly kind: 'started' | 'stopping' | 'wanted' | 'retried' }
>;

export interface WantedRelease {
  readonly name: string;
  readonly version: number;
}

export type ReleaseEffect =
  /** Refresh the metadata and look for the release there: `offered` or `hindered`. */
  | { readonly kind: 'look-up'; readonly name: string; readonly version: number }
  /** Download what is missing of it: `fetched` or `hindered`. */
  | {
      readonly kind: 'fetch';
      readonly name: string;
      readonly release: SlottedRelease;
      /** What lies whole in the other slot. */
      readonly base: InstalledRelease | undefined;
    }
  /** Try it beside what serves: `checked` or `hindered`. */
  | { readonly kind: 'check'; readonly name: string; readonly release: InstalledRelease }
  /** From now on it serves; `undefined` for what the models folder has. `broken` where it cannot. */
  | { readonly kind: 'serve'; readonly name: string; readonly release: InstalledRelease | undefined }
  /** Look at it again in a while: `watched`. */
  | { readonly kind: 'watch'; readonly name: string; readonly release: InstalledRelease }
  /** It is proven: free what was kept in memory to go back to. */
  | { readonly kind: 'settle'; readonly name: string }
  /** Tell the coordinator now. */
  | { readonly kind: 'report' };

export interface ReleaseStep {
  /** The same object where nothing changed. */
  readonly state: ReleasesState;
  readonly effects: readonly ReleaseEffect[];
}

/** What an event makes of the releases of one name. */
export interface ModelStep {
  readonly model: ModelReleases;
  readonly effects: readonly ReleaseEffect[];
}
