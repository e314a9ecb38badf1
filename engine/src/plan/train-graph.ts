/**
 * `train.onnx`: a `Scan` over mini-batches whose body is forward pass, backward pass and update; and `train-blocks.onnx`, the
 * same over blocks of them.
 */
import { isTrainedLoop } from '../autodiff/index.js';
import { allParameters, type TrainableModel } from '../models/trainable.js';
import {
  type Dimension,
  elementCount,
  GraphBuilder,
  graphAttribute,
  int,
  type Model,
  type Value,
} from '../onnx/index.js';
import type { OptimizerGraph } from '../optimizers/index.js';
import { columnSumsAsProducts } from './column-sums.js';
import { findFirstLayer } from './first-layer.js';
import { joinParameters, localInput, namedOutput, splitAll, splitParameters } from './flat-parameters.js';
import { foldUpdates } from './fold-updates.js';
import { peakBytes } from './memory-estimate.js';
import { metricOutput, trainInputs, trainOutputs } from './names.js';
import { recompute } from './recompute.js';
import { blockOfSteps } from './step-blocks.js';
import { carriedParameters, type StepParts, stepGraph } from './step-graph.js';

export interface TrainGraphOptions extends StepParts {
  readonly batchSize: number;
  /** 0 is no proximal term. */
  readonly proximalMu: number;
  /** Whether there is an input that is added to every gradient. */
  readonly correction: boolean;
  /** Into how many segments the forward pass is cut, of which all but the last are computed again; 1 keeps it all. */
  readonly segments?: number;
  /** Steps of which the loop's body makes one, where they go together; 1, or left out, is the steps as they are. */
  readonly blockSteps?: number;
}

export interface TrainGraph {
  readonly graph: Model;
  /** Most bytes that the tensors of one step take at once. */
  readonly stepBytes: number;
  /** Whether the model's steps go together in blocks, asked for or not. */
  readonly takesBlocks: boolean;
}

export function trainGraph(options: TrainGraphOptions): TrainGraph {
  const { model, loss, optimizer, batchSize, proximalMu, correction, segments = 1, blockSteps = 1 } = options;
  const outer = new GraphBuilder({ name: 'train' });
  const { parameters: entries, parameterCount } = model;

  const flat = outer.input(trainInputs.parameters, 'float32', [parameterCount]);
  const checkpoint = outer.input(trainInputs.checkpoint, 'float32', [parameterCount]);
  const learningRate = outer.input(trainInputs.learningRate, 'float32', []);
  const examples = outer.input(trainInputs.examples, 'float32', ['rows', ...model.inputShape]);
  const order = outer.input(trainInputs.order, 'int32', ['steps', batchSize]);
  const targetShape = loss.targetShape(model.outputShape);
  const targets = outer.input(trainInputs.targets, loss.targetDataType, ['steps', batchSize, ...targetShape]);
  const weights = outer.input(trainInputs.exampleWeights, 'float32', ['steps', batchSize]);
  const stepNumbers = optimizer.needsStepNumbers
    ? outer.input(trainInputs.stepNumbers, 'float64', ['steps'])
    : undefined;
  const dropoutSeeds = model.usesDropout
    ? outer.input(trainInputs.dropoutSeeds, 'int32', ['steps'])
    : undefined;

  const corrections = correction
    ? splitParameters(outer, outer.input(trainInputs.correction, 'float32', [parameterCount]), entries)
    : undefined;

  const parameters = splitAll(outer, model, flat, localInput(outer, model, trainInputs.local));
  const slots = splitState(outer, model, optimizer);
  const preparedOptimizer = optimizer.prepare(outer, { learningRate, stepNumbers });
  const { gradientScale } = preparedOptimizer;
  const scale = lossScale(outer, weights, gradientScale);
  const mu = outer.scalar(proximalMu);
  const proximal = {
    start: proximalMu > 0 ? splitParameters(outer, checkpoint, entries) : [],
    factor: gradientScale === undefined ? mu : outer.op('Mul', [mu, gradientScale]),
  };
  const {
    body,
    states,
    scanned,
    forward,
    examples: ofStep,
    result,
  } = stepGraph(outer, options, {
    parameters,
    slots,
    examples,
    order,
    preparedLoss: loss.prepare(outer, { targets, scale, outputShape: model.outputShape }),
    preparedOptimizer,
    dropoutSeeds,
    exampleWeights: model.statistics?.size ? weights : undefined,
    proximal: proximalMu > 0 ? proximal : undefined,
    // Gradients are scaled where the update is folded into them, so what is added to them is, too.
    corrections:
      gradientScale === undefined
        ? corrections
        : corrections?.map((value) => outer.op('Mul', [value, gradientScale])),
  });
  const folded = columnSumsAsProducts(
    foldUpdates({ graph: body.graph(), value: (name) => body.value(name) }, states.length),
  );
  const firstLayer = findFirstLayer(folded, states.length, ofStep);
  // What the steps of an inner loop read from outside they do not name as inputs: such a body is not repeated.
  const repeats = segments > 1 && !folded.graph.nodes.some(isTrainedLoop);
  const looped =
    blockSteps > 1 && firstLayer !== undefined
      ? blockOfSteps({
          body: folded,
          layer: firstLayer,
          stateCount: states.length,
          steps: blockSteps,
        })
      : repeats
        ? recompute({ ...folded, forward, examples: ofStep, result, segments })
        : folded;
  const { graph: step, value } = looped;
  const reshaped = [...states, ...scanned].map((input, at) =>
    shapedAs(outer, input, step.inputs[at].shape, at < states.length),
  );
  const results = outer.ops('Scan', reshaped, states.length + 1, {
    body: graphAttribute(step),
    num_scan_inputs: int(scanned.length),
  });

  const learned = results.slice(0, states.length - slots.length);
  const carried = carriedParameters(model);
  let taken = 0;
  const after = parameters.map((before, index) => (carried.has(index) ? learned[taken++] : before));
  const joined = joinParameters(outer, after.slice(0, entries.length), trainOutputs.parameters);
  namedOutput(outer, 'Sub', [joined, checkpoint], trainOutputs.delta);
  if (model.local !== undefined) joinParameters(outer, after.slice(entries.length), trainOutputs.local);
  if (slots.length > 0) {
    joinParameters(outer, results.slice(learned.length, states.length), trainOutputs.state);
  }
  addMetrics(outer, options, { outputs: results[states.length], targets, weights });
  const kept = step.outputs.map(({ name }) => name);
  return {
    graph: outer.build(),
    stepBytes: peakBytes({ value }, step.nodes, kept),
    takesBlocks: firstLayer !== undefined,
  };
}

/** What the loop takes: a state in the shape that its body has for it, or slices of that shape. */
function shapedAs(outer: GraphBuilder, value: Value, shape: readonly Dimension[], isState: boolean): Value {
  const wanted = (isState ? shape : [-1, ...shape]).map(Number);
  const present = isState ? value.shape : value.shape.slice(1);
  const same = present.length === shape.length && present.every((size, axis) => size === shape[axis]);
  return same ? value : outer.op('Reshape', [value, outer.ints(wanted)]);
}

/** `[steps, batch]`: what each example's gradient is multiplied by, so that a batch's is the weighted mean. */
function lossScale(outer: GraphBuilder, weights: Value, gradientScale: Value | undefined): Value {
  const total = outer.op('ReduceSum', [weights, outer.ints([1])], { keepdims: int(1) });
  const share = outer.op('Div', [weights, total]);
  return gradientScale === undefined ? share : outer.op('Mul', [share, gradientScale]);
}

/** Number of elements of the optimizer's state. */
export function stateCount(model: TrainableModel, optimizer: OptimizerGraph): number {
  const trainable = allParameters(model).filter((entry) => entry.trainable);
  return optimizer.slotNames.length * trainable.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

function splitState(outer: GraphBuilder, model: TrainableModel, optimizer: OptimizerGraph): readonly Value[] {
  const count = stateCount(model, optimizer);
  if (count === 0) return [];
  const flat = outer.input(trainInputs.state, 'float32', [count]);
  const trainable = allParameters(model).filter((entry) => entry.trainable);
  return splitParameters(
    outer,
    flat,
    optimizer.slotNames.flatMap(() => trainable),
  );
}

interface MetricInputs {
  /** `[steps, batch, …outputShape]`. */
  readonly outputs: Value;
  readonly targets: Value;
  readonly weights: Value;
}

/**
 * `[steps, batch]` for each metric, weighted. They are left for the runtime to add up in double precision and in
 * order: a sum here would round differently with how its rows lie in memory, so with how steps are cut into chunks.
 */
function addMetrics(
  outer: GraphBuilder,
  { model, loss, batchSize }: TrainGraphOptions,
  { outputs, targets, weights }: MetricInputs,
): void {
  const rows = outer.op('Reshape', [outputs, outer.ints([-1, ...model.outputShape])]);
  const targetShape = loss.targetShape(model.outputShape);
  const targetRows = outer.op('Reshape', [targets, outer.ints([-1, ...targetShape])]);
  for (const { name, value } of loss.metrics(outer, rows, targetRows)) {
    const perStep = outer.op('Reshape', [value, outer.ints([-1, batchSize])]);
    outer.output(outer.op('Mul', [perStep, weights]), metricOutput(name));
  }
}
