/** Why a device refuses to go on. Nothing it holds leaves it afterwards in this round. */
export type RefusalCode =
  /** The round's privacy is weaker than the device's own policy. */
  | 'privacy-below-policy'
  /** The round assumes fewer colluding devices, or less security, than the device's own policy. */
  | 'security-below-policy'
  /** The round is for another plan than the one the device has verified. */
  | 'plan-mismatch'
  /** The round's settings make no sense. */
  | 'invalid-round'
  /** Fewer devices than the device's own minimum, or the round's. */
  | 'cohort-too-small'
  /** A message is not of its form. */
  | 'malformed'
  /** Fewer neighbours than the bounds for this cohort call for. */
  | 'degree-below-bound'
  /** A smaller threshold than the bounds for this cohort call for. */
  | 'threshold-below-bound'
  /** The device's own entry in the roster is not what it advertised. */
  | 'own-keys-altered'
  /** One neighbour, or the device itself, is listed twice. */
  | 'repeated-neighbour'
  /** The neighbours are not those of the graph. */
  | 'wrong-neighbours'
  /** A neighbour's keys are not those that the roster is of. */
  | 'roster-altered'
  /** A second roster differs from the first. */
  | 'roster-changed'
  /** A neighbour's keys were made for another round. */
  | 'keys-of-another-round'
  | 'keys-unsigned'
  /** A neighbour's keys are not the ones it signed. */
  | 'keys-signature-invalid'
  /** A neighbour's certificate does not belong to the fleet, or to another device. */
  | 'unknown-device'
  /** A neighbour's key is of small order: the secret agreed with it would be public. */
  | 'weak-key'
  /** Shares or signatures come from somebody who is not a neighbour. */
  | 'unexpected-sender'
  | 'repeated-sender'
  /** Sealed shares do not open. */
  | 'ciphertext-altered'
  /** Fewer than the threshold of the neighbours are left. */
  | 'too-few-neighbours'
  | 'survivor-and-dropout'
  /** The announced sets leave out, or add, neighbours whose shares this device has been given. */
  | 'sharers-differ'
  /** The device's own update is said to be missing. */
  | 'not-a-survivor'
  /** Fewer survivors than the round tolerates. */
  | 'too-few-survivors'
  /** A second announcement differs from the one that the device has signed. */
  | 'survivors-changed'
  /** A neighbour has signed other sets. */
  | 'survivors-disagree'
  | 'too-few-signatures'
  /** Shares are asked for again, for other sets. */
  | 'shares-already-revealed';

export interface Refusal {
  readonly code: RefusalCode;
  /** What was found, and what it should have been. */
  readonly message: string;
  /** Roster index of the neighbour concerned, where there is one. */
  readonly neighbour?: number;
}

/** The end of a device's part in a round. */
export interface RefusedClient {
  readonly kind: 'refused';
  readonly refusal: Refusal;
}

/** What a stage gives: the next state and what to send, or a refusal. */
export type Outcome<State, Message> =
  | { readonly kind: 'proceed'; readonly state: State; readonly message: Message }
  | { readonly kind: 'refuse'; readonly state: RefusedClient; readonly refusal: Refusal };

export type Refused = Extract<Outcome<never, never>, { kind: 'refuse' }>;

export function proceed<State, Message>(state: State, message: Message): Outcome<State, Message> {
  return { kind: 'proceed', state, message };
}

export function refuse(code: RefusalCode, message: string, neighbour?: number): Refused {
  const refusal: Refusal = neighbour === undefined ? { code, message } : { code, message, neighbour };
  return { kind: 'refuse', state: { kind: 'refused', refusal }, refusal };
}
