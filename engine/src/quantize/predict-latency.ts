/**
 * How long a model takes, told from its layers and from what a machine does in a second. A device that was measured
 * once can be predicted for models that it has never seen.
 */
import { GraphBuilder, type Model, tensorOf, writeModel } from '../onnx/index.js';
import { measureLatency } from './measure.js';
import { calibratedTensors, quantizationPoints } from './points.js';
import { type PreparedModel, prepare } from './prepare.js';
import { quantizeStatic } from './static.js';

/** What one thread of a machine does. */
export interface MachineRates {
  /** Multiplications a millisecond of a matrix with one vector, f32 and int8: reading the weights bounds it. */
  readonly vectorF32: number;
  readonly vectorInt8: number;
  /** Of a matrix with a matrix. */
  readonly matrixF32: number;
  readonly matrixInt8: number;
  /** Milliseconds that one run takes whatever the model. */
  readonly runMs: number;
}

/** Side of the matrices that are multiplied to learn the rates: their weights fit a processor's second cache. */
const side = 512;
const rows = 64;

/** Takes half a second or so. @param now milliseconds since some instant */
export async function measureMachine(now: () => number, threads = 1): Promise<MachineRates> {
  const large = product(side);
  const [tiny, f32, int8] = await measureLatency([product(8), large, asInt8(large)].map(writeModel), {
    batches: [1, rows],
    threads,
    now,
  }).then(([one, many]) => [0, 1, 2].map((model) => [one.ms[model], many.ms[model]] as const));
  const runMs = tiny[0];
  const rate = (batch: number, ms: number): number =>
    (batch * side * side) / Math.max(ms - runMs, runMs / 10);
  return {
    vectorF32: rate(1, f32[0]),
    vectorInt8: rate(1, int8[0]),
    matrixF32: rate(rows, f32[1]),
    matrixInt8: rate(rows, int8[1]),
    runMs,
  };
}

function product(size: number): Model {
  const builder = new GraphBuilder();
  const input = builder.input('features', 'float32', ['batch', size]);
  const weight = Float32Array.from({ length: size * size }, (_, i) => ((i * 7919) % 255) / 255 - 0.5);
  builder.output(
    builder.op('MatMul', [input, builder.constant(tensorOf('float32', [size, size], weight))]),
    'output',
  );
  return builder.build();
}

function asInt8(model: Model): Model {
  const prepared = prepare(model);
  const points = quantizationPoints(prepared);
  const ranges = new Map(calibratedTensors(points).map((name) => [name, { minimum: 0, maximum: 1 }]));
  return quantizeStatic(prepared, points, ranges);
}

/**
 * Milliseconds for a batch, one thread. What is not a product with a weight is taken for free, so that a model of many
 * small operators takes longer than this says.
 * @param isInteger whether a layer, by name, is computed in integers
 */
export function predictLatency(
  { layers }: PreparedModel,
  isInteger: (layer: string) => boolean,
  rates: MachineRates,
  batch: number,
): number | undefined {
  let total = rates.runMs;
  for (const { name, weight, channelAxis, multiplications } of layers) {
    if (multiplications === undefined) return undefined;
    // A convolution multiplies its weights with a row for each position it puts out.
    const times = (multiplications * batch) / weight.data.length;
    const many = times >= 8 && channelAxis >= 0;
    const rate = isInteger(name)
      ? many
        ? rates.matrixInt8
        : rates.vectorInt8
      : many
        ? rates.matrixF32
        : rates.vectorF32;
    total += (multiplications * batch) / rate;
  }
  return total;
}
