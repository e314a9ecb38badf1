/** From a scenario to everything that its rounds need: all faults show here, before any work starts. */
import { type LineOf, modelOf } from '@starling/coordinator/definitions';
import {
  compilePlan,
  initializeParameters,
  lossGraph,
  ModelError,
  OnnxError,
  type Plan,
  PlanError,
  type TrainableModel,
} from '@starling/engine';
import {
  computeRing,
  describeNeed,
  encodedLength,
  type ModularLayout,
  type ModularMetric,
  StrategyError,
  updatesNeeded,
  VectorError,
} from '@starling/federation';
import type { SharedExamples } from '../data/examples.js';
import { type Fleet, fleetClients, trainingCount } from '../data/fleet.js';
import { openData, type PartitionFunction } from '../data/open.js';
import { devicePartOf, keptVectorsOf } from '../execution/client.js';
import type { LocalSettings } from '../execution/setting.js';
import { clientsTogether } from '../execution/together.js';
import { type Scenario, scenarioFault } from '../scenario/index.js';
import { deriveSeed, purposes } from '../seeds.js';
import { checkAttack, checkAttackers, checkShapes } from './check-data.js';
import { checkMemory, checkTrainingMemory } from './check-memory.js';

export interface PreparedScenario {
  readonly scenario: Scenario;
  readonly model: TrainableModel;
  readonly plan: Plan;
  readonly personalPlan: Plan | undefined;
  /** The first checkpoint: `[parameterCount]`. */
  readonly initial: Float32Array;
  readonly fleet: Fleet;
  readonly test: SharedExamples | undefined;
  readonly local: LocalSettings;
  readonly clients: number;
  /** Updates wanted in a round. */
  readonly cohort: number;
  /** Bytes of one update on the wire. */
  readonly uploadBytes: number;
}

export interface PrepareOptions {
  readonly lineOf?: LineOf;
  readonly partition?: PartitionFunction;
  /** Threads that will train here; one unless told. */
  readonly workers?: number;
}

/** Throws a `SimulationError` `simulation/scenario` that names the line. */
export async function prepare(scenario: Scenario, options: PrepareOptions = {}): Promise<PreparedScenario> {
  const { lineOf = () => undefined, partition, workers = 1 } = options;
  const model = openModel(scenario, lineOf);
  if (model.local !== undefined && scenario.evaluation.personalization?.kind === 'ditto') {
    throw scenarioFault(
      {
        path: ['evaluation', 'personalization'],
        message:
          'ditto keeps a whole model for each client, and batchNorm: local a part of it; leave one of them out',
      },
      lineOf,
    );
  }
  const algorithm =
    scenario.strategy.kind === 'centralized'
      ? ({ kind: 'fedavg', weighting: 'by-examples', serverLearningRate: 1 } as const)
      : scenario.strategy;
  const { training, evaluation, privacy, encoding } = scenario;
  const { personalization } = evaluation;
  const localVectors = Math.ceil((model.local?.start.length ?? 0) / model.parameterCount);
  const keptVectors = keptVectorsOf({ algorithm, personalization, localVectors });
  checkMemory(scenario, { parameterCount: model.parameterCount, keptVectors }, lineOf);
  const data = await openData(scenario, lineOf, partition);
  checkShapes(model, data, scenario, lineOf);
  await checkAttack(scenario, data, lineOf);
  const clients = fleetClients(data.fleet);
  checkAttackers(scenario, clients, lineOf);
  const cohort = cohortOf(scenario, clients, lineOf);
  const layout = layoutOf(scenario, model, data.fleet, cohort, lineOf);
  const alone = {
    seed: scenario.seed,
    epochs: training.epochs,
    examplesMax: training.examplesMax,
    algorithm,
    encoding,
    layout,
    clip: privacy?.clip,
    attack: scenario.attack,
    personalization,
    localVectors,
    classes: data.classes,
  };
  const part = devicePartOf(algorithm);
  const batchSize = batchOf(scenario, data.fleet);
  const keepsUpdates = 'aggregation' in scenario.strategy && scenario.strategy.aggregation !== undefined;
  const together = clientsTogether(alone, part, keepsUpdates, {
    wanted: training.clientsTogether,
    cohort,
    featureElements: data.featureElements,
    batchSize,
  });
  const local: LocalSettings = { ...alone, together };
  const { loss, optimizer } = training;
  const compile = (proximalMu: number, correction: boolean): Plan => {
    try {
      return compilePlan(model, { loss, optimizer, batchSize, proximalMu, correction });
    } catch (error) {
      if (error instanceof PlanError)
        throw scenarioFault({ path: ['training'], message: error.message }, lineOf);
      throw error;
    }
  };
  const plan = compile(part.plan.proximalMu, part.plan.correction);
  const personalPlan =
    evaluation.personalization?.kind === 'ditto'
      ? compile(evaluation.personalization.lambda, false)
      : undefined;
  const planBytes = plan.manifest.memoryBytes + (personalPlan?.manifest.memoryBytes ?? 0);
  checkTrainingMemory(planBytes, workers, lineOf);
  return {
    scenario,
    model,
    plan,
    personalPlan,
    initial: initializeParameters(model, deriveSeed(scenario.seed, purposes.model)),
    fleet: data.fleet,
    test: data.test,
    local,
    clients,
    cohort,
    uploadBytes:
      layout === undefined
        ? encodedLength(model.parameterCount, encoding)
        : Math.ceil((layout.vectorLength * layout.ringBits) / 8),
  };
}

function openModel(scenario: Scenario, lineOf: LineOf): TrainableModel {
  try {
    return modelOf(scenario);
  } catch (error) {
    if (error instanceof OnnxError) {
      throw scenarioFault({ path: ['model', 'onnx'], message: error.message }, lineOf);
    }
    if (!(error instanceof ModelError)) throw error;
    const path = error.layerIndex === undefined ? ['model'] : ['model', 'layers', error.layerIndex];
    throw scenarioFault({ path, message: error.message }, lineOf);
  }
}

function cohortOf({ cohort, strategy }: Scenario, clients: number, lineOf: LineOf): number {
  if (strategy.kind === 'centralized') return 1;
  const size = 'size' in cohort ? cohort.size : Math.max(1, Math.round(cohort.fraction * clients));
  const aggregation = 'aggregation' in strategy ? strategy.aggregation : undefined;
  try {
    if (aggregation !== undefined && size < updatesNeeded(aggregation)) {
      throw scenarioFault(
        { path: ['cohort'], message: `${describeNeed(aggregation)}, a round has ${size}; select more` },
        lineOf,
      );
    }
  } catch (error) {
    if (!(error instanceof StrategyError)) throw error;
    throw scenarioFault({ path: ['strategy'], message: error.message }, lineOf);
  }
  return size;
}

const metricBits = 30;

function layoutOf(
  { secureAggregation, training, strategy }: Scenario,
  model: TrainableModel,
  fleet: Fleet,
  cohort: number,
  lineOf: LineOf,
): ModularLayout | undefined {
  if (secureAggregation === null) return undefined;
  const { bits, clipNorm, rotation, weightMaximum: given } = secureAggregation;
  const uniform = 'weighting' in strategy && strategy.weighting === 'uniform';
  const largest = training.examplesMax || largestClient(fleet);
  const weightMaximum = uniform ? 1 : (given ?? largest);
  const metrics = lossGraph(training.loss).metricNames.map(
    (name): ModularMetric => ({
      name,
      minimum: 0,
      maximum: largest * training.epochs * (name === 'accuracy' ? 1 : 100),
      bits: metricBits,
    }),
  );
  try {
    return computeRing({
      encoding: { bits, clipNorm, rotation },
      parameterCount: model.parameterCount,
      cohort,
      weightMaximum,
      metrics,
    });
  } catch (error) {
    if (!(error instanceof VectorError)) throw error;
    throw scenarioFault({ path: ['secureAggregation'], message: error.message }, lineOf);
  }
}

function largestClient(fleet: Fleet): number {
  let largest = 0;
  const clients = fleet.kind === 'synthetic' ? 1 : fleetClients(fleet);
  for (let client = 0; client < clients; client += 1) {
    largest = Math.max(largest, trainingCount(fleet, client));
  }
  return largest;
}

/** Every batch is filled up to this size: beyond what any client trains on, that would be padding and nothing else. */
function batchOf({ training: { batchSize, examplesMax } }: Scenario, fleet: Fleet): number {
  const largest = largestClient(fleet);
  const most = examplesMax > 0 ? Math.min(examplesMax, largest) : largest;
  return batchSize === 'all' ? most : Math.min(batchSize, most);
}
