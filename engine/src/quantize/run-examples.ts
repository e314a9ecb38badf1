/** Runs a model of one input over examples, batch by batch, in arrays that are made once. */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { elementCount, isStatic, type Model, tensorOf, type Value, writeModel } from '../onnx/index.js';
import { onnxruntime } from '../runtimes/onnxruntime-library.js';
import { createSession, float32Of } from '../runtimes/onnxruntime-session.js';
import type { ExampleSource } from '../runtimes/runtime.js';
import { QuantizeError } from './errors.js';

export interface RunOptions {
  /** Most examples; the first ones of the source. All of them unless told. */
  readonly examplesMax?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

export interface Batch {
  /** Positions of the examples in their source. */
  readonly indices: Uint32Array;
  /** A float32 value of the model for these examples: an output, or the input. */
  values(name: string): Float32Array;
}

/** Values of one run that are read stay below this, in elements: 64 MiB. */
const elementsMax = 16 * 1024 * 1024;
const batchMax = 64;

/** Runs the model; `read` are the values wanted of it, besides its outputs. */
export async function runExamples(
  model: Model,
  read: readonly Value[],
  examples: ExampleSource,
  options: RunOptions,
  visit: (batch: Batch) => void,
): Promise<void> {
  const input = soleInput(model);
  const total = Math.min(examples.count, options.examplesMax ?? examples.count);
  if (total < 1) {
    throw new QuantizeError('quantize/calibration', 'there are no examples to run the model on; record some');
  }
  const session = await createSession('the model', writeModel(withOutputs(model, read)));
  try {
    const size = batchSize(input, read);
    const rowElements = input.rowElements;
    const features = new Float32Array(size * rowElements);
    for (let first = 0; first < total; first += size) {
      options.signal?.throwIfAborted();
      const count = Math.min(size, total - first);
      const indices = Uint32Array.from({ length: count }, (_, i) => first + i);
      examples.readFeatures(indices, features.subarray(0, count * rowElements));
      const fed = input.fixedBatch ? size : count;
      // A batch of fixed size is filled up with what is there already.
      const feed = features.subarray(0, fed * rowElements);
      const results = await session.run({ [input.value.name]: feedTensor(input.value, feed, fed) });
      visit({ indices, values: valuesOf(results, input.value.name, feed, count / fed) });
      options.onProgress?.(first + count, total);
    }
  } finally {
    await session.release();
  }
}

function valuesOf(
  results: InferenceSession.ReturnType,
  input: string,
  feed: Float32Array,
  share: number,
): (name: string) => Float32Array {
  return (name) => {
    const values = name === input ? feed : float32Of(results, name);
    return values.subarray(0, Math.round(values.length * share));
  };
}

export interface SoleInput {
  readonly value: Value;
  /** Shape of one example. */
  readonly rowShape: readonly number[];
  readonly rowElements: number;
  /** The model's own batch size, where its batch is no name. */
  readonly fixedBatch: number | undefined;
}

/** @throws QuantizeError `quantize/options` where the model has several inputs or sizes that are not fixed */
export function soleInput({ graph }: Model): SoleInput {
  const [value, another] = graph.inputs;
  if (value === undefined || another !== undefined) {
    throw new QuantizeError(
      'quantize/options',
      `the model has ${graph.inputs.length} inputs, and examples are for one; export it with one input`,
    );
  }
  const [batch, ...rowShape] = value.shape;
  if (!isStatic(rowShape)) {
    throw new QuantizeError(
      'quantize/options',
      `the input ${value.name} is [${value.shape}]; export the model with every size but the batch fixed`,
    );
  }
  const fixedBatch = typeof batch === 'number' ? batch : undefined;
  return { value, rowShape, rowElements: elementCount(rowShape), fixedBatch };
}

/** The model with further values as outputs; inputs, and what is an output already, are left out. */
function withOutputs(model: Model, read: readonly Value[]): Model {
  const { inputs, outputs } = model.graph;
  const there = new Set([...inputs, ...outputs].map(({ name }) => name));
  const added = read.filter(({ name }) => !there.has(name));
  return { ...model, graph: { ...model.graph, outputs: [...outputs, ...added] } };
}

function batchSize(input: SoleInput, read: readonly Value[]): number {
  if (input.fixedBatch !== undefined) return input.fixedBatch;
  const row = read.reduce(
    (sum, { shape }) =>
      sum + elementCount(shape.slice(1).map((size) => (typeof size === 'number' ? size : 1))),
    input.rowElements,
  );
  return Math.max(1, Math.min(batchMax, Math.floor(elementsMax / row)));
}

/** Features travel as float32, also where they are indices of tokens. */
export function feedTensor(input: Value, features: Float32Array, count: number): OrtTensor {
  const { Tensor } = onnxruntime();
  const shape = [count, ...input.shape.slice(1).map(Number)];
  if (input.dataType === 'float32') return new Tensor('float32', features, shape);
  const { data } = tensorOf(input.dataType, shape, features);
  return new Tensor(input.dataType, data, shape);
}
