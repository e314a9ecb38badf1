import { createSeededEntropy } from '../ports/index.js';
import { combineShares, lagrangeCoefficients, splitSecret } from '../secure-aggregation/shamir/index.js';
import { hex } from './text.js';

/** Bytes that `splitSecret` draws, where none is drawn again. */
const drawnBytes = (threshold: number): number => 4 * 11 * threshold;

/** Secrets, what is drawn for them, and their shares. */
export function shamirVectors(): object {
  const cases = [
    [1, [1, 2]],
    [3, [1, 2, 5, 9, 1_000]],
    [16, Array.from({ length: 26 }, (_, i) => 2 * i + 1)],
  ] as const;
  return {
    describes: 'secret sharing: docs/protocol.md, "Shares"',
    prime: 67_108_859,
    cases: cases.map(([threshold, points]) => {
      const entropy = createSeededEntropy(`test vectors: shamir ${threshold}`);
      const secret = threshold === 1 ? new Uint8Array(32).fill(255) : entropy.fork('secret').bytes(32);
      const shares = splitSecret(secret, threshold, points, entropy.fork('drawn'));
      const opened = combineShares(shares.slice(-threshold), lagrangeCoefficients(points.slice(-threshold)));
      if (opened === undefined || hex(opened) !== hex(secret)) throw new Error('the shares do not open');
      return {
        secret: hex(secret),
        threshold,
        points,
        drawn: hex(entropy.fork('drawn').bytes(drawnBytes(threshold))),
        shares: shares.map(hex),
      };
    }),
  };
}
