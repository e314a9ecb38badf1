import type { GraphRequirements, PrivacyOffer, SecureRound } from '../secure-aggregation/index.js';
import { type Weighting, weightOf } from '../strategies/index.js';
import type { MetricSums, ModularContribution, ModularLayout } from '../vectors/index.js';

/** What a securely aggregated round of updates goes by: the protocol's settings and the layout of what is summed. */
export interface SecureRoundSettings {
  readonly requirements: GraphRequirements;
  /** Fewest devices that a sum may be of, at least 2. */
  readonly cohortMinimum: number;
  readonly privacy: PrivacyOffer;
  readonly weighting: Weighting;
  readonly layout: ModularLayout;
}

/** Names one attempt at one round of one run. */
export interface SecureRoundKey {
  readonly runId: string;
  readonly round: number;
  readonly attempt: number;
}

/** SHA-256 of the plan's manifest, and of what else all devices are asked alike. */
export interface SecureRoundHashes {
  readonly planHash: Uint8Array;
  readonly requestHash: Uint8Array;
}

/** The round as both ends of the protocol know it. */
export function secureRoundOf(
  settings: SecureRoundSettings,
  { runId, round, attempt }: SecureRoundKey,
  { planHash, requestHash }: SecureRoundHashes,
): SecureRound {
  const { requirements, cohortMinimum, privacy, layout } = settings;
  const { ringBits, vectorLength } = layout;
  return {
    run: runId,
    round,
    attempt,
    planHash,
    requestHash,
    ringBits,
    vectorLength,
    cohortMinimum,
    requirements,
    privacy,
  };
}

/**
 * What a device adds to the sum: its delta, its weight (at most the layout's largest), and for each metric its mean times
 * that weight, so that sums of metrics over sums of weights are means again. Throws `StrategyError` `no-examples`.
 */
export function contributionOf(
  { weighting, layout }: SecureRoundSettings,
  delta: Float32Array,
  exampleCount: number,
  metrics: MetricSums,
): ModularContribution {
  const weight = Math.min(weightOf(weighting, exampleCount), layout.weightMaximum);
  const scale = metrics.weight > 0 ? weight / metrics.weight : 0;
  return {
    delta,
    weight,
    metrics: Object.fromEntries(layout.metrics.map(({ name }) => [name, (metrics.sums[name] ?? 0) * scale])),
  };
}
