/**
 * Amplification by Poisson sampling for a mechanism of which only the Rényi divergences are known: theorem 6 of
 * Zhu and Wang 2019 ("Poisson Subsampled Rényi Differential Privacy"), never more than without sampling.
 */
import { logAdd } from '../numerics/log-space.js';

/** A mechanism's divergence ε(α) at integer α ≥ 2. */
export type IntegerDivergence = (order: number) => number;

/** ε(α) at any α > 1 of the mechanism applied to a Poisson sample; `sampling` 1 is everyone. */
export function sampledDivergence(divergence: IntegerDivergence, sampling: number, order: number): number {
  return betweenIntegers((integer) => amplified(divergence, sampling, integer), order);
}

/** A bound at any α > 1 from one at integers. */
export function betweenIntegers(atInteger: IntegerDivergence, order: number): number {
  if (Number.isInteger(order)) return atInteger(order);
  // α ↦ (α-1)·ε(α) is convex and 0 at 1 (a log-moment), so that the chord between integers lies above it.
  const below = Math.floor(order);
  const scaledBelow = below === 1 ? 0 : (below - 1) * atInteger(below);
  const scaledAbove = below * atInteger(below + 1);
  return (scaledBelow + (order - below) * (scaledAbove - scaledBelow)) / (order - 1);
}

function amplified(divergence: IntegerDivergence, q: number, order: number): number {
  const plain = divergence(order);
  if (q === 1) return plain;
  const logQ = Math.log(q);
  const logRest = Math.log1p(-q);
  let sum = (order - 1) * logRest + Math.log1p((order - 1) * q);
  let logBinomial = Math.log(order);
  for (let l = 2; l <= order; l += 1) {
    logBinomial += Math.log((order - l + 1) / l);
    const factor = l === 2 ? 0 : Math.log(3);
    sum = logAdd(sum, factor + logBinomial + (order - l) * logRest + l * logQ + (l - 1) * divergence(l));
  }
  return Math.min(plain, sum / (order - 1));
}
