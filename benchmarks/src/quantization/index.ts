/** What int8 forms of MNIST models are worth: accuracy, size and latency, beside the f32 form in the same run. */
import { parseArgs } from 'node:util';
import {
  type AwareOptions,
  buildModel,
  calibrate,
  calibratedTensors,
  compilePlan,
  type Digits,
  exportModel,
  exportQuantized,
  fleetLayout,
  initializeParameters,
  measureLatency,
  measureQuality,
  onnxruntimeTraining,
  type Plan,
  prepare,
  quantizationPoints,
  quantizeModel,
  RangeSketch,
  readMnist,
  readModel,
  withQuantization,
} from '@starling/engine';
import type { Benchmark, Figure } from '../figure.js';
import { rounded } from '../figure.js';
import { digitExamples } from './digits.js';
import { type QuantizationCase, quantizationCases } from './models.js';

const testCount = 10_000;
const devices = 10;
/** Half a point of accuracy: what a recommended form may lose. */
const dropMax = 0.005;

export const quantization: Benchmark = {
  summary: 'accuracy, size and latency of int8 forms of MNIST models, beside f32',
  options: [
    `--case NAME          only this model (again for more): ${Object.keys(quantizationCases).join(', ')}`,
  ],
  async *run({ args, note }) {
    const { values } = parseArgs({
      args: [...args],
      options: { case: { type: 'string', multiple: true, default: Object.keys(quantizationCases) } },
    });
    const [training, test] = await Promise.all([readMnist('train'), readMnist('t10k')]);
    for (const name of values.case) {
      if (!Object.hasOwn(quantizationCases, name)) throw new Error(`there is no case "${name}"; see --help`);
      note(`${name}: training it three times …`);
      for await (const figure of measureCase(quantizationCases[name], training, test)) {
        yield { benchmark: 'quantization', case: name, ...figure };
      }
    }
  },
};

type Measured = Omit<Figure, 'benchmark' | 'case'>;

async function* measureCase(
  chosen: QuantizationCase,
  training: Digits,
  test: Digits,
): AsyncGenerator<Measured> {
  const plain = await trained(chosen, training, undefined);
  const f32 = exportModel(plain.plan, plain.parameters);
  const forms = new Map<string, Uint8Array>([['F32', f32]]);
  for (const method of ['static', 'dynamic'] as const) {
    forms.set(method === 'static' ? 'Static' : 'Dynamic', await quantized(f32, method, training));
  }
  forms.set('Federated', await quantized(f32, 'static', training, await fleetSketches(f32, training)));
  for (const ranges of ['observed', 'learned'] as const) {
    const { plan, parameters } = await trained(chosen, training, { ranges });
    forms.set(`Aware${ranges === 'observed' ? 'Observed' : 'Learned'}`, exportQuantized(plan, parameters));
  }
  const accuracy = new Map<string, number>();
  for (const [form, bytes] of forms) {
    const examples = digitExamples(test, 0, testCount);
    const { value } = await measureQuality(readModel(bytes), examples, { kind: 'class', elements: 1 });
    accuracy.set(form, value);
    yield { metric: `accuracy${form}`, unit: '%', value: rounded(100 * value) };
  }
  yield* worth('Static', forms, accuracy);
  yield* worth('Dynamic', forms, accuracy);
}

async function* worth(
  form: string,
  forms: ReadonlyMap<string, Uint8Array>,
  accuracy: ReadonlyMap<string, number>,
): AsyncGenerator<Measured> {
  const [f32, int8] = [forms.get('F32') ?? new Uint8Array(), forms.get(form) ?? new Uint8Array()];
  yield {
    metric: `size${form}`,
    unit: 'bytes',
    value: int8.length,
    peer: 'float32 form',
    peerValue: f32.length,
    ratio: rounded(f32.length / int8.length),
  };
  const now = (): number => performance.now();
  let slower = false;
  for (const { batch, ms } of await measureLatency([f32, int8], { batches: [1, 64], now })) {
    slower ||= ms[1] > ms[0];
    yield {
      threads: 1,
      metric: `latency${form}Batch${batch}`,
      unit: 'ms',
      value: rounded(ms[1]),
      peer: 'float32 form',
      peerValue: rounded(ms[0]),
      ratio: rounded(ms[0] / ms[1]),
    };
  }
  const drop = (accuracy.get('F32') ?? 0) - (accuracy.get(form) ?? 0);
  yield { metric: `recommended${form}`, unit: '0 or 1', value: slower || drop > dropMax ? 0 : 1 };
}

async function trained(
  { model, examples, epochs, learningRate }: QuantizationCase,
  digits: Digits,
  quantization: AwareOptions | undefined,
): Promise<{ readonly plan: Plan; readonly parameters: Float32Array }> {
  const built = withQuantization(buildModel(model()), quantization);
  const plan = compilePlan(built, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 32,
  });
  const session = await onnxruntimeTraining.load(plan, { threads: 2 });
  let parameters = initializeParameters(built, 1);
  const source = digitExamples(digits, 0, examples);
  for (const [passes, rate] of [
    [epochs, learningRate],
    [1, learningRate / 10],
  ]) {
    const { delta } = await session.train({
      parameters,
      examples: source,
      epochs: passes,
      learningRate: rate,
      seed: passes,
    });
    parameters = parameters.map((value, index) => value + delta[index]);
  }
  await session.release();
  return { plan, parameters };
}

/** Calibrated with images that were not trained on. */
async function quantized(
  model: Uint8Array,
  method: 'static' | 'dynamic',
  digits: Digits,
  sketches?: ReadonlyMap<string, RangeSketch>,
): Promise<Uint8Array> {
  const { bytes } = await quantizeModel(readModel(model), {
    method,
    ranges: { method: 'minmax' },
    sketches,
    examples: digitExamples(digits, 40_000, 1000),
    target: { kind: 'class', elements: 1 },
    qualityDropMax: dropMax,
  });
  return bytes;
}

/** The sum of ten devices' histograms, as the coordinator gets it. */
async function fleetSketches(model: Uint8Array, digits: Digits): Promise<ReadonlyMap<string, RangeSketch>> {
  const prepared = prepare(readModel(model));
  const tensors = calibratedTensors(quantizationPoints(prepared));
  const sums = new Map(tensors.map((name) => [name, new RangeSketch(fleetLayout)]));
  for (let device = 0; device < devices; device++) {
    const examples = digitExamples(digits, 50_000 + 50 * device, 50);
    const own = await calibrate(prepared, tensors, examples, { layout: fleetLayout });
    for (const [name, sum] of sums) {
      own.get(name)?.counts.forEach((count, at) => {
        sum.counts[at] += count;
      });
    }
  }
  return sums;
}
