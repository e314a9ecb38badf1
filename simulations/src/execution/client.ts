/** One client's part of a round: train, protect, encode, add to the worker's sums. */
import { type EvaluateOptions, localStart, type MetricSums, type TrainingSession } from '@starling/engine';
import {
  type Accumulator,
  algorithmOf,
  clipToNorm,
  createSeededEntropy,
  decodeUpdate,
  encodeContribution,
  encodeUpdate,
  type FederatedAlgorithm,
  foldDelta,
  foldUpdate,
  l2Norm,
  plainDevicePart,
  weightWithin,
} from '@starling/federation';
import { type FleetReader, fleetReader } from '../data/fleet.js';
import { deriveSeed, purposes } from '../seeds.js';
import { type Attack, attackChance, attackOf } from './attacks.js';
import { KeptVectors } from './kept-vectors.js';
import type { TrainMessage } from './messages.js';
import { type LocalSettings, resultFields, type WorkerSetting } from './setting.js';
import { canGoTogether, stepsOf, TogetherTrainer } from './together.js';

export type DevicePart = Pick<
  FederatedAlgorithm,
  'plan' | 'broadcastVectors' | 'keptVectors' | 'hasExtra' | 'needsLoss' | 'correct' | 'contribute'
>;

/** What clients do under an algorithm. Those who train alone keep their own distance from the first model. */
export function devicePartOf(algorithm: LocalSettings['algorithm']): DevicePart {
  if (algorithm.kind !== 'local-only') return algorithmOf(algorithm);
  return {
    ...plainDevicePart,
    keptVectors: 1,
    contribute({ delta, kept: [own], weight }) {
      for (let i = 0; i < delta.length; i += 1) own[i] += delta[i];
      delta.fill(0);
      return { weight, scalars: [] };
    },
  };
}

/** Vectors of each client's that a scenario keeps: the algorithm's, then a personal model's, then what is local in the model. */
export function keptVectorsOf({
  algorithm,
  personalization,
  localVectors,
}: Pick<LocalSettings, 'algorithm' | 'personalization' | 'localVectors'>): number {
  return devicePartOf(algorithm).keptVectors + (personalization?.kind === 'ditto' ? 1 : 0) + localVectors;
}

export interface ClientTrainer {
  readonly reader: FleetReader;
  readonly kept: KeptVectors | undefined;
  /** What a client keeps of the model to itself as of before `round`, where the model has such; valid until the next call. */
  localOf(client: number, round: number): Float32Array | undefined;
  train(job: number, message: TrainMessage, checkpoint: Float32Array, current: Float32Array): Promise<void>;
  /** Trains them in one run; false where they do not go together. */
  trainTogether(jobs: readonly number[], message: TrainMessage, checkpoint: Float32Array): Promise<boolean>;
  close(): Promise<void>;
}

export interface TrainerSessions {
  readonly session: TrainingSession;
  readonly personal: TrainingSession | undefined;
}

export async function createClientTrainer(
  setting: WorkerSetting,
  { session, personal }: TrainerSessions,
  sums: { readonly deltas: Accumulator; readonly extras: Accumulator | undefined },
): Promise<ClientTrainer> {
  const { local, shared, fleet, plan, statePath } = setting;
  const { parameterCount, metrics } = plan.manifest;
  const part = devicePartOf(local.algorithm);
  const alone = local.algorithm.kind === 'local-only';
  const attack: Attack | undefined = await attackOf(local.attack);
  const reader = fleetReader(fleet);
  const kept =
    statePath === undefined ? undefined : new KeptVectors(statePath, keptVectorsOf(local), parameterCount);
  const broadcast = Array.from({ length: part.broadcastVectors }, (_, at) =>
    shared.broadcast.subarray(at * parameterCount, (at + 1) * parameterCount),
  );
  const localBegin = localStart(plan);
  const ownLocal = localBegin && kept?.span(keptVectorsOf(local) - local.localVectors, localBegin.length);
  const delta = new Float32Array(parameterCount);
  const correction = part.plan.correction ? new Float32Array(parameterCount) : undefined;
  const extra = part.hasExtra ? new Float32Array(parameterCount) : undefined;
  const start = alone ? new Float32Array(parameterCount) : undefined;
  const personalDelta = personal === undefined ? undefined : new Float32Array(parameterCount);
  const width = resultFields.metrics + metrics.length;
  const entropy = createSeededEntropy(local.seed);
  const encoded = local.layout && new Uint32Array(local.layout.vectorLength);
  const addMasked = (
    client: number,
    weight: number,
    totals: MetricSums,
    { round, rotationSeed }: TrainMessage,
  ): boolean => {
    const { layout } = local;
    if (layout === undefined) return false;
    const rounding = entropy.fork(`rounding ${round} ${client}`);
    const contribution = { delta, weight: Math.min(weight, layout.weightMaximum), metrics: {} };
    const { vector, clipped } = encodeContribution(
      layout,
      { ...contribution, metrics: layout.metrics.length === 0 ? {} : totals.sums },
      { rotationSeed, rounding, ...(encoded && { into: encoded }) },
    );
    const { masked } = setting.sums;
    for (let i = 0; i < vector.length; i += 1) masked[i] += vector[i];
    return clipped;
  };

  const addClear = (client: number, job: number, weight: number, { round }: TrainMessage): void => {
    if (local.encoding.kind === 'float32') {
      foldDelta(sums.deltas, delta, weight);
    } else {
      const payload = encodeUpdate(delta, local.encoding, entropy.fork(`rounding ${round} ${client}`));
      decodeUpdate(payload, local.encoding, delta);
      // What rounding made longer than the bound is scaled down, as by a coordinator: noise is made for the bound.
      const within = local.clip === undefined ? 1 : weightWithin(l2Norm(delta), local.clip);
      foldUpdate(sums.deltas, payload, local.encoding, within * weight);
    }
    if (shared.updates.length > 0) shared.updates.set(delta, job * parameterCount);
  };

  const together = new TogetherTrainer(plan);
  const isUniform = 'weighting' in local.algorithm && local.algorithm.weighting === 'uniform';
  const baseWeightOf = (examples: number): number => (isUniform ? 1 : examples);

  /** Versions of checkpoints that a client has trained from: the others need not look through them. */
  const checked = new WeakMap<Float32Array, number>();

  return {
    reader,
    kept,
    localOf(client, round) {
      if (localBegin === undefined || ownLocal === undefined) return undefined;
      return kept?.load(client, round) ? ownLocal : localBegin;
    },
    async train(job, message, checkpoint, current) {
      const { round, learningRate } = message;
      const hostile = shared.hostile[job] === 1;
      const client = hostile && attack?.sybil === true ? message.speaker : shared.clients[job];
      const own = reader.training(client, local.examplesMax);
      const chance = attackChance(local, client, round);
      const examples = hostile && attack?.poison !== undefined ? attack.poison(own, chance) : own;
      const hasKept = kept?.load(client, round) ?? false;
      if (!hasKept && localBegin !== undefined) ownLocal?.set(localBegin);
      const mine = ownLocal && { local: ownLocal };
      if (start !== undefined && kept !== undefined) {
        for (let i = 0; i < start.length; i += 1) start[i] = checkpoint[i] + kept.vectors[0][i];
      }
      const lossBefore = part.needsLoss
        ? await lossOf(session, { parameters: checkpoint, examples, ...mine })
        : Number.NaN;
      if (correction !== undefined) part.correct({ broadcast, kept: kept?.vectors ?? [] }, correction);
      const seed = deriveSeed(local.seed, purposes.training, round, client);
      const version = message.slotVersions[shared.slots[job]];
      const result = await session.train({
        parameters: start ?? checkpoint,
        examples,
        epochs: shared.epochs[job],
        learningRate,
        parametersChecked: start === undefined && checked.get(checkpoint) === version,
        seed,
        into: delta,
        ...mine,
        ...(correction === undefined ? {} : { correction }),
      });
      if (result.local !== undefined) ownLocal?.set(result.local);
      checked.set(checkpoint, version);
      const { steps, metrics: totals } = result;
      const row = shared.results.subarray(job * width, (job + 1) * width);
      const { weight, scalars } = part.contribute({
        checkpoint,
        current,
        delta,
        broadcast,
        kept: kept?.vectors ?? [],
        extra,
        weight: baseWeightOf(examples.count),
        steps,
        learningRate,
        lossBefore,
        staleness: shared.staleness[job],
      });
      if (personal !== undefined && personalDelta !== undefined && kept !== undefined) {
        const model = kept.vectors[part.keptVectors];
        if (!hasKept) model.set(checkpoint);
        await personal.train({
          parameters: model,
          anchor: checkpoint,
          examples: own,
          epochs: local.personalization?.epochs ?? 1,
          learningRate,
          seed: deriveSeed(local.seed, purposes.personal, round, client),
          into: personalDelta,
        });
        for (let i = 0; i < model.length; i += 1) model[i] = checkpoint[i] + personalDelta[i];
      }
      if (hostile) attack?.tamper?.(delta, chance);
      const bounded = local.clip === undefined ? undefined : clipToNorm(delta, local.clip);
      if (kept !== undefined) kept.store(client, round);
      let clipped = bounded !== undefined && bounded.factor < 1;
      if (local.layout === undefined) addClear(client, job, weight, message);
      else clipped = addMasked(client, weight, totals, message);
      if (extra !== undefined && sums.extras !== undefined) foldDelta(sums.extras, extra, 1);
      row[resultFields.examples] = examples.count;
      row[resultFields.steps] = steps;
      row[resultFields.weight] = weight;
      row[resultFields.scalar] = scalars.length > 0 ? scalars[0] : 0;
      row[resultFields.norm] = bounded?.norm ?? Number.NaN;
      row[resultFields.clipped] = clipped ? 1 : 0;
      row[resultFields.failed] = 0;
      for (const [at, { name }] of metrics.entries()) row[resultFields.metrics + at] = totals.sums[name];
    },
    async trainTogether(jobs, message, checkpoint) {
      const { round, learningRate, slotVersions } = message;
      const members = jobs.map((job) => {
        const client = shared.clients[job];
        const { count } = reader.training(client, local.examplesMax);
        return { client, count, epochs: shared.epochs[job], slot: shared.slots[job] };
      });
      const { batchSize } = plan.manifest;
      if (!canGoTogether(members, batchSize)) return false;
      const version = slotVersions[members[0].slot];
      const results = await together.train({
        parameters: checkpoint,
        parametersChecked: checked.get(checkpoint) === version,
        jobs: members,
        learningRate,
        examplesOf: (client) => reader.training(client, local.examplesMax),
        seedOf: (client) => deriveSeed(local.seed, purposes.training, round, client),
        weightOf: ({ count }) => baseWeightOf(count),
        into: delta,
      });
      if (results === undefined) return false;
      checked.set(checkpoint, version);
      foldDelta(sums.deltas, delta, 1);
      for (const [at, job] of jobs.entries()) {
        const { count, epochs } = members[at];
        const row = shared.results.subarray(job * width, (job + 1) * width);
        row.fill(0);
        row[resultFields.examples] = count;
        row[resultFields.steps] = stepsOf(count, epochs, batchSize);
        row[resultFields.weight] = baseWeightOf(count);
        row[resultFields.norm] = Number.NaN;
        for (const [place, { name }] of metrics.entries())
          row[resultFields.metrics + place] = results[at].sums[name];
      }
      return true;
    },
    async close() {
      kept?.close();
      await together.release();
    },
  };
}

async function lossOf(session: TrainingSession, options: EvaluateOptions): Promise<number> {
  const { weight, sums } = await session.evaluate(options);
  return sums.loss / weight;
}
