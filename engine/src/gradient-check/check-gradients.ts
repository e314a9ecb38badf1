/** Compares the gradients of an imported model, in the forms that it is trained in, with those that another library computed. */
import { join } from 'node:path';
import { differentiate, forTraining } from '../autodiff/index.js';
import { ModelError } from '../models/errors.js';
import {
  holdPadding,
  type PaddingRows,
  readModelFile,
  readTrainedPart,
  restoreParameters,
} from '../models/import/index.js';
import {
  builderFromModel,
  type Dimension,
  foldConstants,
  GraphBuilder,
  int,
  type Model,
  tensorOf,
  type Value,
  writeModel,
} from '../onnx/index.js';
import { loadOnnxruntime } from '../runtimes/onnxruntime-library.js';
import { type Reference, readReference } from './reference.js';

/** Errors beyond this share of a gradient's norm are mistakes, not rounding. */
export const relativeErrorMax = 1e-4;

export interface CheckedGradients {
  /**
   * Largest ‖actual - expected‖ / ‖expected‖ over the parameters but those of `negligible`, the loss's error counted
   * too.
   */
  readonly maxRelativeError: number;
  /** Number of parameters whose gradients were compared. */
  readonly parameters: number;
  readonly loss: { readonly actual: number; readonly expected: number };
  /** The parameter with the largest error. */
  readonly worst: string;
  /** Parameters that the exported graph no longer has: merged into others, or packed. */
  readonly missing: readonly string[];
  /** Parameters whose gradient is rounding on both sides: shorter than a millionth of all gradients together. */
  readonly negligible: readonly string[];
}

/**
 * @param folder `model.onnx`, `input.bin`, `target.bin`, `gradients.f32` and `reference.json`
 * @param options `paddingRows`: what `padding_idx` was in PyTorch, by the names of the embeddings' weights
 * @throws OnnxError, AutodiffError or ModelError for a model that cannot be read or differentiated
 */
export async function checkGradients(
  folder: string,
  { paddingRows = {} }: { readonly paddingRows?: PaddingRows } = {},
): Promise<CheckedGradients> {
  const reference = readReference(folder);
  const path = join(folder, 'model.onnx');
  const inFile = readModelFile(path).graph.initializers;
  const { model, held } = holdPadding(restoreParameters(readTrainedPart(path)), paddingRows);
  const names = new Set(reference.parameters.keys());
  const [batchName] = model.graph.inputs[0]?.shape ?? [];
  const folded = foldConstants(model, {
    dimensions: typeof batchName === 'string' ? { [batchName]: reference.inputShape[0] } : {},
    keep: (name) => names.has(name),
  });
  const { builder, outputs } = builderFromModel(folded);
  if (outputs.length === 0 || model.graph.inputs.length !== 1) {
    throw new ModelError('model/invalid', `${folder}: the model must have one input and an output`);
  }
  const found = [...reference.parameters].flatMap(([name, { shape, initializer }]) => {
    // An initializer of that name which is another tensor: the weights of a folded batch normalisation.
    if (!initializer && inFile.has(name)) return [];
    const value = folded.graph.initializers.has(name) ? builder.value(name) : undefined;
    return value !== undefined && sameElements(value.shape, shape) ? [{ name, value }] : [];
  });
  if (found.length === 0)
    throw new ModelError('model/invalid', `${folder}: the model has none of the parameters`);
  const parameters = found.map(({ name }) => name);
  const { graph, lossName, gradientNames } = withGradients(
    builder,
    { output: outputs[0].value.name, parameters, held: [...held] },
    reference,
  );
  const results = await run(graph, reference);

  const actual = Number(results[lossName].data[0]);
  const expected = reference.lossValue;
  let worst = { name: 'the loss', error: Math.abs(actual - expected) / Math.max(1e-12, Math.abs(expected)) };
  const whole = lengthOf(reference.gradients);
  const negligible: string[] = [];
  found.forEach(({ name }, i) => {
    const { error, isRounding } = compare(
      results[gradientNames[i]].data as Float32Array,
      name,
      reference,
      whole,
    );
    if (isRounding) {
      negligible.push(name);
      return;
    }
    if (!(error <= worst.error)) worst = { name, error };
  });
  return {
    maxRelativeError: worst.error,
    parameters: found.length,
    loss: { actual, expected },
    worst: worst.name,
    missing: [...names].filter((name) => !found.some((parameter) => parameter.name === name)),
    negligible,
  };
}

interface Checked {
  readonly output: string;
  readonly parameters: readonly string[];
  /** What no gradient passes. */
  readonly held: readonly string[];
}

/** The model's loss and gradients as plans compute them: its forward pass in the forms that it is trained in. */
function withGradients(
  model: GraphBuilder,
  { output, parameters, held }: Checked,
  reference: Reference,
): { readonly graph: Model; readonly lossName: string; readonly gradientNames: readonly string[] } {
  const b = new GraphBuilder({ name: 'gradients' });
  const [{ name, dataType, shape }] = model.inputs;
  const examples = b.input(name, dataType, shape);
  const forward = b.subgraph('forward');
  for (const [name, stored] of model.initializers) {
    (parameters.includes(name) ? b : forward).initializer(name, stored);
  }
  for (const node of model.nodes) forward.append(node);
  const ends = [output, ...held].map((name) => forward.value(name));
  const [y, ...stop] = forTraining(b, forward, ends, examples);
  const loss = appendLoss(b, y, reference);
  const withRespectTo = parameters.map((name) => b.value(name));
  const gradients = differentiate(b, { loss, withRespectTo, stop });
  return {
    lossName: b.output(loss).name,
    gradientNames: gradients.map((gradient) => b.output(gradient).name),
    graph: b.build(),
  };
}

/** Whether two shapes differ by axes of size 1 at most, which exporters add for broadcasting. */
function sameElements(a: readonly Dimension[], b: readonly Dimension[]): boolean {
  const essential = (shape: readonly Dimension[]) => `${shape.filter((size) => size !== 1)}`;
  return essential(a) === essential(b);
}

/**
 * The bias before a softmax over keys, or before a normalisation that takes it out again, has no gradient: what is
 * computed of it in float32 is rounding, 1e-9 to 1e-7 of all gradients together, and another rounding in each library.
 */
const roundingShare = 1e-6;

function compare(
  actual: Float32Array,
  name: string,
  reference: Reference,
  whole: number,
): { readonly error: number; readonly isRounding: boolean } {
  const offset = reference.parameters.get(name)?.offset ?? 0;
  const expected = reference.gradients.subarray(offset, offset + actual.length);
  const [length, limit] = [lengthOf(expected), roundingShare * whole];
  const distance = lengthOf(actual.map((value, at) => value - expected[at]));
  return {
    error: distance / Math.max(length, Number.MIN_VALUE),
    isRounding: length < limit && lengthOf(actual) < limit,
  };
}

const lengthOf = (vector: Float32Array): number => Math.sqrt(vector.reduce((sum, x) => sum + x * x, 0));

/** The mean of the loss over the batch, as PyTorch defines it. */
function appendLoss(b: GraphBuilder, y: Value, { loss, target }: Reference): Value {
  const shape = y.shape.map(Number);
  const count = shape.reduce((n, size) => n * size, 1);
  if (loss === 'mean-squared-error') {
    if (count !== target.length) throw misfit(y, target.length);
    const difference = b.op('Sub', [y, b.constant(tensorOf('float32', shape, target))]);
    return b.op('ReduceMean', [b.op('Mul', [difference, difference])], { keepdims: int(0) });
  }
  const classes = shape[shape.length - 1];
  const rows = count / classes;
  if (rows !== target.length || shape.length !== 2) throw misfit(y, target.length);
  const expected = new Float64Array(count);
  target.forEach((index, row) => {
    expected[row * classes + index] = -1 / rows;
  });
  const logProbabilities = b.op('LogSoftmax', [y], { axis: int(-1) });
  const chosen = b.op('Mul', [logProbabilities, b.constant(tensorOf('float32', shape, expected))]);
  return b.op('ReduceSum', [chosen], { keepdims: int(0) });
}

const misfit = (y: Value, targets: number): ModelError =>
  new ModelError('model/invalid', `${targets} targets do not fit the model's output [${y.shape}]`);

async function run(model: Model, { input, inputShape, inputType }: Reference) {
  const { InferenceSession, Tensor } = await loadOnnxruntime();
  const session = await InferenceSession.create(writeModel(model), { logSeverityLevel: 3 });
  try {
    const data =
      inputType === 'int64' ? BigInt64Array.from(input, (x) => BigInt(x)) : Float32Array.from(input);
    return await session.run({ [model.graph.inputs[0].name]: new Tensor(inputType, data, inputShape) });
  } finally {
    await session.release();
  }
}
