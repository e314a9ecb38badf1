import type {
  AdvertisedKeys,
  CollectedSignatures,
  DeliveredShares,
  Mask,
  RevealedShares,
  Roster,
  SharedKeys,
  SurvivorsAnnouncement,
} from '@starling/federation';
import type { Setting } from './setting.js';

/** By client number. */
export type PerClient<T> = readonly (readonly [number, T])[];

/** What a worker is asked; it answers each with one `Answer` of the same kind. */
export type Request =
  | { readonly kind: 'begin'; readonly setting: Setting; readonly clients: readonly number[] }
  | { readonly kind: 'identities'; readonly publicKeys: readonly Uint8Array[] }
  | { readonly kind: 'plain' }
  | { readonly kind: 'keys' }
  | { readonly kind: 'shares'; readonly rosters: PerClient<Roster> }
  | {
      readonly kind: 'updates';
      readonly delivered: PerClient<DeliveredShares>;
      readonly silent: readonly number[];
    }
  | { readonly kind: 'signatures'; readonly announcement: SurvivorsAnnouncement }
  | { readonly kind: 'reveals'; readonly signatures: PerClient<CollectedSignatures> }
  | {
      readonly kind: 'unmask';
      readonly sum: Uint32Array;
      readonly from: number;
      readonly to: number;
      readonly masks: readonly Mask[];
    }
  | { readonly kind: 'keyStream'; readonly masks: number };

export interface MaskedSums {
  readonly kind: 'updates';
  /** The masked updates of this worker's clients, summed. */
  readonly sum: Uint32Array;
  /** The same without masks, to hold the result against; not part of the round. */
  readonly plainSum: Uint32Array;
  readonly packedBytes: number;
  readonly updated: readonly number[];
  /** Milliseconds of this thread: of opening shares and agreeing on masks, of encoding, masking, adding, checking. */
  readonly agreeing: number;
  readonly encoding: number;
  readonly masking: number;
  readonly folding: number;
  readonly checking: number;
}

export type Answer =
  | { readonly kind: 'begin'; readonly publicKeys: PerClient<Uint8Array> }
  | { readonly kind: 'identities' }
  | { readonly kind: 'plain' }
  | { readonly kind: 'keys'; readonly keys: PerClient<AdvertisedKeys> }
  | { readonly kind: 'shares'; readonly shares: PerClient<SharedKeys> }
  | MaskedSums
  | { readonly kind: 'signatures'; readonly signatures: PerClient<Uint8Array> }
  | { readonly kind: 'reveals'; readonly reveals: PerClient<RevealedShares> }
  | { readonly kind: 'unmask' }
  | { readonly kind: 'keyStream'; readonly milliseconds: number; readonly masking: number };
