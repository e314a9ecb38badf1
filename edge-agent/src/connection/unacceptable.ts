import type { FailureReason } from './assignment.js';

/** An assignment that this device does not take; the round is told the reason and the message. */
export class Unacceptable extends Error {
  readonly reason: FailureReason;

  constructor(reason: FailureReason, message: string) {
    super(message);
    this.name = 'Unacceptable';
    this.reason = reason;
  }
}
