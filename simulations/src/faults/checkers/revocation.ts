import type { MakeChecker } from './checker.js';

/** When which device's revocation was acknowledged to the operator. */
export type Revocations = Map<string, number>;

/** A device that was revoked is served nothing, and selected for nothing, from then on. */
export const revocation =
  (revoked: Revocations): MakeChecker =>
  ({ report, world }) => {
    /** An answer that was on its way may still arrive. */
    const graceMs = 10_000;
    return {
      name: 'revocation',
      onAnswer({ from, path }) {
        const at = revoked.get(from);
        if (at !== undefined && world.clock.monotonic() > at + graceMs)
          report(`${path} answered ${from}, which is revoked`);
      },
    };
  };
