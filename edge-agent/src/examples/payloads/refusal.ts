/** Thrown by what reads a payload that is sound and yet of no use. */
export class PayloadRefusal extends Error {
  override readonly name = 'PayloadRefusal';

  /** A short name that can be counted. */
  readonly reason: string;

  constructor(reason: string) {
    super(reason);
    this.reason = reason;
  }
}
