/** What both ends say to each other about who they are, before any message of this protocol. */

/** The name every coordinator's certificate carries, whatever address it is reached at. */
export const COORDINATOR_NAME = 'coordinator.starling.internal';

/** A certificate and its key, PEM. */
export interface TlsIdentity {
  readonly certificate: string;
  readonly privateKey: string;
}

/**
 * How a client makes sure of its peer. The authority is the fleet's own and certifies coordinators under one name, so
 * that name is what is checked: a coordinator may move, or stand behind any address, and a device's certificate never
 * passes for a coordinator's.
 */
export type ClientSecurity =
  | {
      readonly kind: 'tls';
      /** The fleet's authority, PEM: the only one that is believed. */
      readonly authority: string;
      /** What this end shows; left out by operators, who show a token, and by devices that have yet to enrol. */
      readonly identity?: TlsIdentity | undefined;
    }
  /** For tests of messages alone: neither private nor authenticated, and refused by every coordinator. */
  | { readonly kind: 'plaintext' };
