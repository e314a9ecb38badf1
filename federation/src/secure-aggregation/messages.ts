/** What the two ends say to each other, in order. Plain data: the wire form is mapped at the edges. */
import type { DeviceSet } from './device-set.js';
import type { GraphParameters } from './graph/index.js';

/** Device to coordinator, then on to its neighbours: two fresh public keys, signed by the device's identity. */
export interface AdvertisedKeys {
  /** `roundHash` of the round they were made for. */
  readonly round: Uint8Array;
  readonly device: string;
  /** Chains to the fleet's authority; opaque here. */
  readonly certificate: Uint8Array;
  /** X25519: shares for this device are sealed to it. */
  readonly sealKey: Uint8Array;
  /** X25519: pair masks are agreed with it. */
  readonly maskKey: Uint8Array;
  /** Ed25519 of `keysTranscript`. */
  readonly signature: Uint8Array;
}

export interface RosterEntry {
  readonly index: number;
  readonly keys: AdvertisedKeys;
}

/** Coordinator to device: who takes part, by hash, and the keys of this device's neighbours. */
export interface Roster {
  /** One SHA-256 (`leafHash`) for each device, in the order of their names: `[devices · 32]` bytes. */
  readonly leaves: Uint8Array;
  /** Where this device stands among them. */
  readonly index: number;
  readonly graph: GraphParameters;
  /** Ascending by index. */
  readonly neighbours: readonly RosterEntry[];
}

export interface SealedShares {
  /** Of a message to the coordinator: for whom. Of one from it: from whom. */
  readonly peer: number;
  readonly bytes: Uint8Array;
}

/** Device to coordinator: shares of its two secrets, one sealed box for each neighbour. */
export interface SharedKeys {
  /** Of the self mask's secret, so that wrong shares of it are found out: 32 bytes. */
  readonly commitment: Uint8Array;
  readonly sealed: readonly SealedShares[];
}

/** Coordinator to device: the boxes that its neighbours made for it. Who is missing is lost before the masks. */
export interface DeliveredShares {
  readonly sealed: readonly SealedShares[];
}

/** Device to coordinator: the vector under its masks, packed to the ring's bits. */
export interface MaskedUpdate {
  readonly packed: Uint8Array;
}

/** Coordinator to all survivors: whose updates are in the sum, and who shared keys but is not. */
export interface SurvivorsAnnouncement {
  readonly survivors: DeviceSet;
  readonly dropouts: DeviceSet;
}

/** Device to coordinator: Ed25519 of `survivorsTranscript`. */
export interface SignedSurvivors {
  readonly signature: Uint8Array;
}

export interface NeighbourSignature {
  readonly signer: number;
  readonly signature: Uint8Array;
}

/** Coordinator to device: what its surviving neighbours signed. */
export interface CollectedSignatures {
  readonly signatures: readonly NeighbourSignature[];
}

export interface RevealedShare {
  /** Whose secret it is a share of. */
  readonly owner: number;
  readonly share: Uint8Array;
}

/** Device to coordinator: of each neighbour one share, of the one secret that its fate calls for. */
export interface RevealedShares {
  /** Of survivors. */
  readonly selfMasks: readonly RevealedShare[];
  /** Of dropouts. */
  readonly maskKeys: readonly RevealedShare[];
}
