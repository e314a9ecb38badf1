/** From a round's sum to its checkpoint: masks off, mean, noise, strategy. */
import {
  type AnalyticsResult,
  addGaussianNoise,
  type Entropy,
  mean,
  nodeSuite,
  type SecureRoundSettings,
} from '@starling/federation';
import { applyStrategy, type FoldingSum, type MaskedShape, type RoundSums } from '../aggregation/index.js';
import { answer } from '../analytics/index.js';
import type { ArtifactStore } from '../artifacts/index.js';
import type { ArtifactRef, RoundKey } from '../ids.js';
import {
  type ClippingMeasured,
  measureClipping,
  type RoundPrivacy,
  withCentralNoise,
  withinBoundMetric,
} from '../privacy/index.js';
import type { Aggregating, PartialSum, RoundState, SecureReport } from '../rounds/index.js';
import type { RunState } from '../runs/index.js';
import { openSum, type ProtocolState } from '../secure-exchange/index.js';
import { openGroups } from './masked-groups.js';
import { type PreparedTask, secureSettingsOf } from './prepared-task.js';
import { openUpdates, robustDelta } from './round-updates.js';
import { rotationSeed } from './work.js';

export interface CheckpointMaking {
  readonly task: PreparedTask;
  readonly artifacts: ArtifactStore;
  readonly sums: RoundSums;
  readonly entropy: Entropy;
  /** Of each of the round's groups. */
  readonly protocolsOf: (key: RoundKey) => Promise<readonly ProtocolState[]>;
}

/** What a commit says of the round. */
export interface RoundCheckpoint {
  readonly checkpoint: ArtifactRef;
  readonly strategyState: ArtifactRef | null;
  readonly secure: SecureReport | null;
  readonly clipping: ClippingMeasured | null;
  readonly analytics: AnalyticsResult | null;
}

/** The attempt's sum as of `partialSum`, masked or in the clear. Rejects where it is missing or damaged. */
export function openSumOf(
  sums: RoundSums,
  task: PreparedTask,
  round: RoundState,
  partialSum: PartialSum | null,
): Promise<FoldingSum> {
  const { key } = round.started;
  const settings = secureSettingsOf(task, round);
  return settings === null
    ? openUpdates(sums, task, key, partialSum)
    : sums.openMasked(key, partialSum, shapeOf(settings, round));
}

function shapeOf({ layout }: SecureRoundSettings, { started }: Pick<RoundState, 'started'>): MaskedShape {
  const { vectorLength, ringBits } = layout;
  return { vectorLength, ringBits, groups: started.settings.secure?.groups };
}

/** From what is on disk, not from anybody's memory: what is committed is what was acknowledged. */
export async function makeRoundCheckpoint(
  round: Aggregating,
  run: RunState,
  making: CheckpointMaking,
): Promise<RoundCheckpoint> {
  const { checkpoint, key, purpose } = round.started;
  const before = { checkpoint, strategyState: run.strategyState };
  const { task } = making;
  const { delta, sums, secure, clipping } = await summed(round, run, making);
  if (purpose === 'evaluate') return { ...before, secure, clipping, analytics: null };
  if (task.analytics !== null) {
    const analytics = answer(task.analytics, sums, round.started.privacy);
    return { ...before, secure, clipping: null, analytics };
  }
  const applied = await applyStrategy(making.artifacts, task.strategy, delta, before, key.round);
  return { ...applied, secure, clipping, analytics: null };
}

interface Summed extends Pick<RoundCheckpoint, 'secure' | 'clipping'> {
  /** Weighted mean of the updates, `[parameterCount]`; of no meaning in an evaluation. */
  readonly delta: Float32Array;
  /** The sum itself, `[parameterCount]`, where every update weighs 1. */
  readonly sums: Float64Array;
}

const nothingSummed = { delta: new Float32Array(0), sums: new Float64Array(0) };

async function summed(round: Aggregating, run: RunState, making: CheckpointMaking): Promise<Summed> {
  const { task, sums, entropy } = making;
  const settings = secureSettingsOf(task, round);
  if (settings !== null) return maskedSum(round, run, making, settings);
  const { key, purpose, privacy } = round.started;
  if (purpose === 'evaluate') return { ...nothingSummed, secure: null, clipping: null };
  const robust = await robustDelta(sums, task, key, round.partialSum);
  if (robust !== undefined) return { ...nothingSummed, delta: robust, secure: null, clipping: null };
  const { accumulator } = await sums.open(key, round.partialSum, task.parameterCount, task.encoding);
  if (privacy === null) {
    return { delta: mean(accumulator), sums: accumulator.sums, secure: null, clipping: null };
  }
  const noisy = privacy.kind === 'central' ? withCentralNoise(accumulator, privacy, entropy) : accumulator;
  const clipping = measureClipping(round.counted.values(), privacy, run.clipping, entropy);
  return { delta: mean(noisy), sums: noisy.sums, secure: null, clipping };
}

async function maskedSum(
  round: Aggregating,
  run: RunState,
  { task, sums, entropy, protocolsOf }: CheckpointMaking,
  settings: SecureRoundSettings,
): Promise<Summed> {
  const { layout } = settings;
  const { key, privacy } = round.started;
  const { sum } = await sums.openMasked(key, round.partialSum, shapeOf(settings, round));
  const seed = rotationSeed(run.started.seed, key.round);
  const protocols = await protocolsOf(key);
  const opened =
    protocols.length === 1
      ? await openSum(protocols[0], sum, layout, seed, nodeSuite)
      : await openGroups(round, sum, protocols, settings, seed, task.strategy.aggregation);
  const secure = opened.report;
  const sumOf = (delta: Float32Array): Float64Array => Float64Array.from(delta, (value) => value * sum.count);
  if (privacy === null) return { delta: opened.mean, sums: sumOf(opened.mean), secure, clipping: null };
  const delta = withNoise(opened.mean, sum.count, layout.step, privacy, entropy);
  // The bits of all devices, summed under masks, as if each had come by itself.
  const within = Math.round(secure.metrics.sums[withinBoundMetric] ?? 0);
  const bits = Array.from({ length: sum.count }, (_, i) => ({
    metrics: { weight: 1, sums: { [withinBoundMetric]: i < within ? 1 : 0 } },
  }));
  return {
    delta,
    sums: sumOf(delta),
    // An exact sum of anything would be a leak beside the noise.
    secure: { ...secure, metrics: { weight: 0, sums: {} } },
    clipping: measureClipping(bits, privacy, run.clipping, entropy),
  };
}

/** Rounding to multiples of `step` makes an update longer by one step an element at most: noise is made for that too. */
function withNoise(
  delta: Float32Array,
  count: number,
  step: number,
  { kind, clipBound, noiseStddev }: RoundPrivacy,
  entropy: Entropy,
): Float32Array {
  if (kind !== 'central') return delta;
  const sensitivity = clipBound + step * Math.sqrt(delta.length);
  const sums = Float64Array.from(delta, (element) => element * count);
  addGaussianNoise(entropy, (noiseStddev / clipBound) * sensitivity, sums);
  return Float32Array.from(sums, (element) => element / count);
}
