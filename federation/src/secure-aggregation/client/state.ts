import type { DeviceSet } from '../device-set.js';
import type { GraphParameters } from '../graph/index.js';
import type { KeyPair } from '../keys/index.js';
import type { Mask } from '../masks/index.js';
import type { AdvertisedKeys, RevealedShares, SharedKeys } from '../messages.js';
import type { PrivacyPolicy } from '../privacy-offer.js';
import type { RefusedClient } from '../refusal.js';
import type { SecureRound } from '../round.js';
import type { HeldShares } from '../secrets.js';

/** Who the device is, and how it signs. The key itself may live anywhere. */
export interface DeviceIdentity {
  readonly device: string;
  readonly certificate: Uint8Array;
  /** Ed25519. */
  sign(message: Uint8Array): Uint8Array;
}

/** What the device's owner demands, whatever a coordinator says. */
export interface DevicePolicy {
  /** The smallest cohort, and the fewest survivors, to be summed with. */
  readonly cohortMinimum: number;
  /** The least γ and σ that the graph must withstand. */
  readonly corruptFractionMinimum: number;
  readonly securityBitsMinimum: number;
  readonly privacy: PrivacyPolicy;
}

/** Keys are out; waiting for the roster. */
export interface AdvertisedClient {
  readonly kind: 'advertised';
  readonly round: SecureRound;
  readonly policy: DevicePolicy;
  readonly keys: AdvertisedKeys;
  readonly sealPair: KeyPair;
  readonly maskPair: KeyPair;
}

/** A neighbour whose identity and keys have been checked. */
export interface Neighbour {
  readonly index: number;
  /** Ed25519. */
  readonly identityKey: Uint8Array;
  /** X25519. */
  readonly maskKey: Uint8Array;
  /** Opens what it sealed for this device, and the other way round. */
  readonly boxKey: Uint8Array;
}

/** What holds from the roster to the end. */
export interface ClientCohort {
  readonly round: SecureRound;
  readonly policy: DevicePolicy;
  readonly rosterHash: Uint8Array;
  /** Devices that advertised keys. */
  readonly devices: number;
  /** This device in the roster. */
  readonly index: number;
  readonly graph: GraphParameters;
  /** Ascending by index. */
  readonly neighbours: readonly Neighbour[];
}

/** Shares are out; waiting for those of the neighbours. */
export interface SharedClient {
  readonly kind: 'shared';
  readonly cohort: ClientCohort;
  readonly maskPair: KeyPair;
  readonly selfMaskSecret: Uint8Array;
  /** Said again when the coordinator asks again. */
  readonly message: SharedKeys;
}

/** The masks are known; its own secrets are forgotten. Waiting for the update. */
export interface ReadyClient {
  readonly kind: 'ready';
  readonly cohort: ClientCohort;
  /** Of every neighbour that shared keys. */
  readonly held: ReadonlyMap<number, HeldShares>;
  /** For one vector: a second one under the same masks would show the difference. */
  readonly masks: readonly Mask[];
}

/** The update is out and the masks are forgotten; waiting to hear who survived. */
export interface MaskedClient {
  readonly kind: 'masked';
  readonly cohort: ClientCohort;
  readonly held: ReadonlyMap<number, HeldShares>;
}

/** The sets are signed, and no others will be; waiting for what the neighbours signed. */
export interface SignedClient {
  readonly kind: 'signed';
  readonly cohort: ClientCohort;
  readonly held: ReadonlyMap<number, HeldShares>;
  readonly survivors: DeviceSet;
  readonly dropouts: DeviceSet;
  readonly signature: Uint8Array;
}

/** Shares are out and all others are forgotten. */
export interface RevealedClient {
  readonly kind: 'revealed';
  readonly survivors: DeviceSet;
  readonly dropouts: DeviceSet;
  readonly signature: Uint8Array;
  readonly message: RevealedShares;
}

export type ClientState =
  | AdvertisedClient
  | SharedClient
  | ReadyClient
  | MaskedClient
  | SignedClient
  | RevealedClient
  | RefusedClient;
