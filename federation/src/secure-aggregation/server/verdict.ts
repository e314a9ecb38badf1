/** Why a message of a device is not taken; the round goes on without it. */
export type RejectionCode =
  /** The device was not selected, or is not in the round any more. */
  | 'unknown-device'
  /** The device has said something else in this stage before. */
  | 'contradiction'
  | 'wrong-round'
  | 'unknown-certificate'
  | 'invalid-signature'
  /** The message is not of its form, or not for the device's neighbours. */
  | 'malformed';

/** What becomes of a message: taken, known already, or rejected. */
export type Receipt<State> =
  | { readonly kind: 'accepted'; readonly state: State }
  | { readonly kind: 'duplicate'; readonly state: State }
  | {
      readonly kind: 'rejected';
      readonly state: State;
      readonly code: RejectionCode;
      readonly message: string;
    };

export function accepted<State>(state: State): Receipt<State> {
  return { kind: 'accepted', state };
}

export function duplicate<State>(state: State): Receipt<State> {
  return { kind: 'duplicate', state };
}

export function rejected<State>(state: State, code: RejectionCode, message: string): Receipt<State> {
  return { kind: 'rejected', state, code, message };
}

/** Why a round ends without a sum. */
export type AbandonmentCode =
  /** Fewer devices than the round's minimum, or than its dropouts tolerate. */
  | 'too-few-devices'
  /** No graph withstands the requirements for the devices that are left. */
  | 'no-graph'
  /** Some secret has fewer shares than its threshold. */
  | 'too-few-shares'
  /** Shares of some secret do not give that secret: a neighbour, or its owner, lied. */
  | 'shares-do-not-match';

export interface Abandoned {
  readonly kind: 'abandoned';
  readonly code: AbandonmentCode;
  readonly message: string;
}

export function abandon(code: AbandonmentCode, message: string): Abandoned {
  return { kind: 'abandoned', code, message };
}
