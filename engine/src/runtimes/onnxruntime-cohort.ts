/** Trains several small clients in one run, and gives the weighted sum of their deltas. */
import type { InferenceSession } from 'onnxruntime-node';
import { elementCount, readModel, writeModel } from '../onnx/index.js';
import { cohortGraph } from '../plan/cohort-graph.js';
import type { Plan } from '../plan/index.js';
import { cohortInputs, cohortOutputs, metricOutput, planFileNames, trainInputs } from '../plan/names.js';
import { firstNonFinite, requireParameters } from './checks.js';
import { ChunkBuffers } from './chunk-buffers.js';
import { ChunkReader, copyRows } from './chunk-reader.js';
import { dropoutSeed, EpochOrder } from './epoch-order.js';
import { RuntimeError } from './errors.js';
import { onnxruntime } from './onnxruntime-library.js';
import { createSession, float32Of, TaskQueue } from './onnxruntime-session.js';
import { discardCopies } from './onnxruntime-train.js';
import type { ExampleSource, MetricSums } from './runtime.js';
import { rowsTensor, targetTensor } from './train-tensors.js';

export interface CohortClient {
  /** Read before the next client's are asked for. */
  readonly examples: () => ExampleSource;
  /** Decides the order of the examples and every dropout mask, as in `TrainOptions`. */
  readonly seed: number;
  /** What its delta is multiplied by. */
  readonly weight: number;
}

export interface CohortTraining {
  readonly parameters: Float32Array;
  readonly parametersChecked?: boolean;
  /** All with as many batches. */
  readonly clients: readonly CohortClient[];
  readonly epochs: number;
  readonly learningRate: number;
  /** Where the sum is written: `[parameterCount]`. */
  readonly into: Float32Array;
}

export interface CohortSession {
  /** Gives each client's metrics, in their order. @throws RuntimeError as `TrainingSession.train` does */
  train(training: CohortTraining): Promise<readonly MetricSums[]>;
  release(): Promise<void>;
}

/**
 * Undefined where the plan's clients carry more from step to step than their parameters, such as an optimizer's state, or
 * keep some to themselves: they need runs of their own.
 *
 * @throws RuntimeError `runtime/load` where ONNX Runtime refuses the graph
 */
export async function loadCohort({ manifest, files }: Plan): Promise<CohortSession | undefined> {
  if (manifest.local !== undefined) return undefined;
  const metricNames = manifest.metrics.map(({ name }) => name);
  const loaded = async (file: string): Promise<InferenceSession | undefined> => {
    const train = files.get(file);
    const model = train && cohortGraph(readModel(train), metricNames);
    return (
      model &&
      createSession(`cohort of ${file}`, writeModel(model), {
        training: true,
        memoryPattern: file === planFileNames.trainBlocks,
      })
    );
  };
  const ofSteps = await loaded(planFileNames.train);
  if (ofSteps === undefined) return undefined;
  const ofBlocks = manifest.blockSteps === undefined ? undefined : await loaded(planFileNames.trainBlocks);
  const { Tensor } = onnxruntime();
  const buffers = new ChunkBuffers(manifest);
  const queue = new TaskQueue();
  const { batchSize, parameterCount, featureShape, targetShape, blockSteps = 1 } = manifest;
  const zeros = new Tensor('float32', new Float32Array(parameterCount), [parameterCount]);
  const hasDropout = ofSteps.inputNames.includes(`cohort/${trainInputs.dropoutSeeds}`);

  const run = async (training: CohortTraining): Promise<readonly MetricSums[]> => {
    const { clients, epochs, learningRate, into } = training;
    requireParameters(training.parameters, manifest, training.parametersChecked);
    const counts: number[] = [];
    let steps = 0;
    let reader: ChunkReader | undefined;
    const dropoutSeeds: number[] = [];
    for (const [at, { examples, seed }] of clients.entries()) {
      const source = examples();
      const stepsPerEpoch = Math.ceil(source.count / batchSize);
      if (at === 0) steps = epochs * stepsPerEpoch;
      if (steps < 1 || epochs * stepsPerEpoch !== steps) {
        throw new RuntimeError(
          'runtime/input',
          `client ${at} of a run makes ${epochs * stepsPerEpoch} steps, the first ${steps}; let those run together that make as many`,
        );
      }
      const arrays =
        reader?.arrays ??
        buffers.take(clients.length * steps * batchSize, clients.length * stepsPerEpoch * batchSize);
      const rows = copyRows(
        source,
        arrays.features,
        elementCount(featureShape),
        at * stepsPerEpoch * batchSize,
      );
      reader = new ChunkReader(manifest, source, { arrays, batchSize, rows });
      const order = new EpochOrder(source.count, seed);
      for (let epoch = 0; epoch < epochs; epoch++) {
        reader.read(at * steps + epoch * stepsPerEpoch, order.at(epoch), epoch === 0);
      }
      if (hasDropout) for (let step = 0; step < steps; step++) dropoutSeeds.push(dropoutSeed(seed, step));
      counts.push(epochs * source.count);
    }
    if (reader === undefined) return [];
    const { order, targets, weights } = reader.arrays;
    const axes = [clients.length, steps, batchSize];
    const rows = clients.length * steps * batchSize;
    const parameters = new Tensor('float32', training.parameters, [parameterCount]);
    const session = ofBlocks !== undefined && steps % blockSteps === 0 ? ofBlocks : ofSteps;
    const fetches = {
      [cohortOutputs.sum]: new Tensor('float32', into, [parameterCount]),
      ...Object.fromEntries(metricNames.map((metric) => [`cohort/${metricOutput(metric)}`, null])),
    };
    const results = await session.run(
      {
        [trainInputs.parameters]: parameters,
        [trainInputs.checkpoint]: parameters,
        [trainInputs.learningRate]: new Tensor('float32', Float32Array.of(learningRate), []),
        [cohortInputs.sum]: zeros,
        [cohortInputs.weights]: new Tensor(
          'float32',
          Float32Array.from(clients, ({ weight }) => weight),
          [clients.length],
        ),
        [trainInputs.examples]: rowsTensor(reader.features, manifest),
        [`cohort/${trainInputs.order}`]: new Tensor('int32', order.subarray(0, rows), axes),
        [`cohort/${trainInputs.targets}`]: targetTensor(
          targets.subarray(0, rows * elementCount(targetShape)),
          [...axes, ...targetShape],
        ),
        [`cohort/${trainInputs.exampleWeights}`]: new Tensor('float32', weights.subarray(0, rows), axes),
        ...(hasDropout
          ? {
              [`cohort/${trainInputs.dropoutSeeds}`]: new Tensor('int32', Int32Array.from(dropoutSeeds), [
                clients.length,
                steps,
              ]),
            }
          : {}),
      },
      fetches,
    );
    discardCopies(results, fetches);
    const at = firstNonFinite(into);
    if (at >= 0) {
      throw new RuntimeError(
        'runtime/diverged',
        `after training, element ${at} of the sum of ${clients.length} deltas is ${into[at]}; lower the learning rate`,
      );
    }
    const perClient = steps * batchSize;
    return counts.map((weight, client) => {
      const sums: Record<string, number> = {};
      for (const metric of metricNames) {
        const values = float32Of(results, `cohort/${metricOutput(metric)}`);
        let sum = 0;
        for (let row = client * perClient; row < (client + 1) * perClient; row++) sum += values[row];
        sums[metric] = sum;
      }
      return { weight, sums };
    });
  };

  return {
    train: (training) => queue.run(() => run(training)),
    release: () =>
      queue.run(async () => {
        await ofSteps.release();
        await ofBlocks?.release();
      }),
  };
}
