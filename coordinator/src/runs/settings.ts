/** What decides a run, fixed when it starts: a task that changes later changes later runs. */
import type { AnalyticsQuery } from '@starling/federation';
import type { PrivacySettings } from '../privacy/index.js';
import type { RoundSettings } from '../rounds/index.js';

export type MetricSource = 'training' | 'federated' | 'central';

/** One value of one metric: a mean over examples of the given total weight. */
export interface Metric {
  readonly name: string;
  readonly value: number;
  readonly source: MetricSource;
  readonly weight: number;
}

/** Names a measured quantity and which way is better. */
export interface Objective {
  readonly metric: string;
  readonly source: MetricSource;
  readonly better: 'higher' | 'lower';
}

export interface StopCriteria {
  /** Completes the run once the metric reaches the value. */
  readonly target?: Objective & { readonly value: number };
  /** Completes the run after this many measurements in a row without an improvement by more than `minDelta`. */
  readonly patience?: Objective & { readonly measurements: number; readonly minDelta: number };
}

export interface RunSettings {
  /** Number of committed rounds after which the run completes. */
  readonly rounds: number;
  /** Attempts in a row that may be abandoned before the run fails. */
  readonly attemptsMax: number;
  readonly train: RoundSettings;
  /** Federated evaluation after every `everyRounds` committed rounds and after the last; `null` for never. */
  readonly federatedEvaluation: { readonly everyRounds: number; readonly round: RoundSettings } | null;
  /** Evaluation on the coordinator's own examples; `null` for never. */
  readonly centralEvaluation: { readonly everyRounds: number } | null;
  /** Differential privacy of training rounds; `null` for none. */
  readonly privacy: PrivacySettings | null;
  /** What the run asks of the devices' examples instead of training; `null` where it trains. */
  readonly analytics: AnalyticsQuery | null;
  /** By the task's owner, over `analytics`; absent where the run trains. */
  readonly querySignature?: QuerySignature;
  readonly stop: StopCriteria;
}

export interface QuerySignature {
  /** Ed25519, hexadecimal. */
  readonly signature: string;
  /** By the owner's clock. */
  readonly askedAtMs: number;
  /** What the answer promises the devices: canonical JSON. */
  readonly termsJson: string;
}
