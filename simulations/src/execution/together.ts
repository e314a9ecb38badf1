/**
 * Several small clients in one run of a graph. Which clients go together depends on the scenario alone, never on how many
 * workers there are: each run adds up in float32, so the last bits of a result depend on it.
 */
import {
  type CohortClient,
  type CohortSession,
  type ExampleSource,
  loadCohort,
  type MetricSums,
  type Plan,
} from '@starling/engine';
import { plainDevicePart } from '@starling/federation';
import type { DevicePart } from './client.js';
import type { LocalSettings } from './setting.js';

/** Most clients of one run. */
const togetherMax = 32;
/** Runs of a round: with fewer, workers would wait for the last one. */
const runsMin = 20;
/** Where a client makes more, its own run costs next to nothing. */
const stepsMax = 20;
/** Bytes of examples that one run may hold. */
const examplesBytesMax = 32 * 2 ** 20;

export interface TogetherSettings {
  /** What the scenario says: a number, or `auto`. */
  readonly wanted: 'auto' | number;
  readonly cohort: number;
  readonly featureElements: number;
  readonly batchSize: number;
}

/** Clients of one run; 1 where each is to have its own, because something is done to each single update. */
export function clientsTogether(
  local: Omit<LocalSettings, 'together'>,
  part: DevicePart,
  keepsUpdates: boolean,
  { wanted, cohort, featureElements, batchSize }: TogetherSettings,
): number {
  const isPlain =
    part.contribute === plainDevicePart.contribute &&
    !part.plan.correction &&
    !part.needsLoss &&
    !part.hasExtra &&
    part.keptVectors === 0;
  const isUntouched =
    local.clip === undefined &&
    local.layout === undefined &&
    local.encoding.kind === 'float32' &&
    local.attack === null &&
    local.personalization?.kind !== 'ditto' &&
    local.localVectors === 0 &&
    !keepsUpdates;
  if (!isPlain || !isUntouched) return 1;
  const most = Math.floor(examplesBytesMax / (4 * stepsMax * batchSize * featureElements));
  const count = wanted === 'auto' ? Math.floor(cohort / runsMin) : wanted;
  return Math.max(1, Math.min(togetherMax, most, count));
}

export const stepsOf = (examples: number, epochs: number, batchSize: number): number =>
  epochs * Math.ceil(examples / batchSize);

export interface TogetherJob {
  readonly client: number;
  readonly count: number;
  readonly epochs: number;
  readonly slot: number;
}

/** Whether one run can do them all. */
export function canGoTogether(jobs: readonly TogetherJob[], batchSize: number): boolean {
  const [{ count, epochs, slot }] = jobs;
  const steps = stepsOf(count, epochs, batchSize);
  return (
    jobs.length > 1 &&
    steps <= stepsMax &&
    jobs.every(
      (job) =>
        job.epochs === epochs && job.slot === slot && stepsOf(job.count, job.epochs, batchSize) === steps,
    )
  );
}

export interface TogetherTraining {
  readonly parameters: Float32Array;
  readonly parametersChecked: boolean;
  readonly jobs: readonly TogetherJob[];
  readonly learningRate: number;
  examplesOf(client: number): ExampleSource;
  seedOf(client: number): number;
  weightOf(job: TogetherJob): number;
  readonly into: Float32Array;
}

/** Loads the plan's graph for cohorts when it is first needed; undefined where the plan has none. */
export class TogetherTrainer {
  readonly #plan: Plan;
  #session: Promise<CohortSession | undefined> | undefined;

  constructor(plan: Plan) {
    this.#plan = plan;
  }

  /** Gives each job's metrics. */
  async train(training: TogetherTraining): Promise<readonly MetricSums[] | undefined> {
    this.#session ??= loadCohort(this.#plan);
    const session = await this.#session;
    if (session === undefined) return undefined;
    const { jobs, parameters, parametersChecked, learningRate, into } = training;
    const clients = jobs.map(
      (job): CohortClient => ({
        examples: () => training.examplesOf(job.client),
        seed: training.seedOf(job.client),
        weight: training.weightOf(job),
      }),
    );
    return session.train({
      parameters,
      parametersChecked,
      clients,
      epochs: jobs[0].epochs,
      learningRate,
      into,
    });
  }

  async release(): Promise<void> {
    await (await this.#session)?.release();
  }
}
