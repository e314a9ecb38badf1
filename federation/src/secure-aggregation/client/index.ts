/** A device's side of a round: one function a stage, each from the state before to the state after. */
export { acceptShares } from './accept-shares.js';
export { advertiseKeys, type ClientStart } from './advertise-keys.js';
export { maskUpdate } from './mask-update.js';
export { revealShares } from './reveal-shares.js';
export { shareKeys } from './share-keys.js';
export { signSurvivors } from './sign-survivors.js';
export type {
  AdvertisedClient,
  ClientState,
  DeviceIdentity,
  DevicePolicy,
  MaskedClient,
  ReadyClient,
  RevealedClient,
  SharedClient,
  SignedClient,
} from './state.js';
