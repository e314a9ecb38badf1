/** Against ONNX Runtime's own quantizer, whose results are stored with their generator in test/oracles. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readModelFile } from '../models/index.js';
import { fromTensor } from '../onnx/evaluation/index.js';
import { builderFromModel, GraphBuilder, type Model, readModel, tensorOf, toNumbers } from '../onnx/index.js';
import type { ExampleSource } from '../runtimes/runtime.js';
import { runOnnxRuntime } from '../testing/run-onnxruntime.js';
import {
  calibrate,
  calibratedTensors,
  chooseRange,
  fleetLayout,
  prepare,
  prune,
  quantizationPoints,
  quantizeDynamic,
  quantizeModel,
  quantizeStatic,
  quantizeWeights4,
  RangeSketch,
  reportOn,
  sparsityOf,
} from './index.js';
import { affineScale, quantizeWeight } from './integers.js';
import { measureLayerErrors } from './measure.js';
import { packBlocks } from './weights4.js';

const file = (name: string): URL => new URL(`../../../test/oracles/${name}`, import.meta.url);

interface Oracle {
  readonly model: string;
  readonly x: string;
  readonly static: {
    readonly activations: Readonly<Record<string, readonly [number, number]>>;
    readonly weights: Readonly<
      Record<string, { readonly integers: readonly number[]; readonly scales: readonly number[] }>
    >;
    readonly output: string;
    readonly exact: string;
  };
  readonly thresholds: Readonly<
    Record<
      string,
      {
        readonly percentile: readonly [number, number];
        readonly entropy: readonly [number, number];
        readonly migacz: number;
      }
    >
  >;
  readonly fourBits: { readonly weight: string; readonly packed: readonly number[]; readonly scales: string };
}

const oracle = JSON.parse(readFileSync(file('quantization.json'), 'utf8')) as Oracle;

function floats(base64: string): Float32Array {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'));
  return new Float32Array(bytes.buffer);
}

/** Rows of features, and of each the class that `classOf` says. */
function sourceOf(
  features: Float32Array,
  elements: number,
  classOf: (row: number) => number = () => 0,
): ExampleSource {
  return {
    count: features.length / elements,
    readFeatures(indices, out) {
      indices.forEach((row, at) => {
        out.set(features.subarray(row * elements, (row + 1) * elements), at * elements);
      });
    },
    readTargets(indices, out) {
      indices.forEach((row, at) => {
        out[at] = classOf(row);
      });
    },
  };
}

const small = readModel(Uint8Array.from(Buffer.from(oracle.model, 'base64')));
const smallInput = floats(oracle.x);
const smallExamples = sourceOf(smallInput, 64);

async function quantizedSmall(method: 'minmax' | 'percentile' | 'entropy' = 'minmax') {
  const prepared = prepare(small);
  const points = quantizationPoints(prepared);
  const sketches = await calibrate(prepared, calibratedTensors(points), smallExamples);
  const ranges = new Map([...sketches].map(([name, sketch]) => [name, chooseRange(sketch, { method })]));
  return { prepared, ranges, model: quantizeStatic(prepared, points, ranges) };
}

async function outputOf(model: Model, x: Float32Array, shape: readonly number[]): Promise<Float64Array> {
  const feeds = new Map([[model.graph.inputs[0].name, fromTensor(tensorOf('float32', shape, x))]]);
  const [output] = (await runOnnxRuntime(model, feeds)).values();
  return output.data;
}

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);

test('scales, zero points and integers are those of the quantizer of ONNX Runtime', async () => {
  const { ranges, model } = await quantizedSmall();
  expect([...ranges.keys()].sort()).toEqual(['conv.relu', 'hidden.relu', 'x']);
  for (const [name, range] of ranges) {
    const [scale, zeroPoint] = oracle.static.activations[name];
    const found = affineScale(range);
    expect(found.zeroPoint).toBe(zeroPoint);
    expect(found.scale).toBeCloseTo(scale, 8);
  }
  for (const [name, { integers, scales }] of Object.entries(oracle.static.weights)) {
    const stored = (suffix: string) => model.graph.initializers.get(`${name}/${suffix}`);
    const found = stored(name.endsWith('bias') ? 'int32' : 'int8');
    expect([...(found === undefined ? [] : toNumbers(found))], name).toEqual(integers);
    const foundScales = stored('scales');
    expect(largestDifference(foundScales === undefined ? [] : toNumbers(foundScales), scales)).toBeLessThan(
      1e-8,
    );
  }
});

test('the output is that of the other quantizer to a rounding, and near the exact one', async () => {
  const { model } = await quantizedSmall();
  const y = await outputOf(model, smallInput, [16, 1, 8, 8]);
  // The other one rounds its output to steps of 0.0074 besides.
  expect(largestDifference(y, floats(oracle.static.output))).toBeLessThan(0.01);
  expect(largestDifference(y, floats(oracle.static.exact))).toBeLessThan(0.03);
  expect(largestDifference(y, floats(oracle.static.exact))).toBeGreaterThan(0);
});

const laplace = (u: number): number => (u < 0.5 ? Math.log(2 * u) : -Math.log(2 * (1 - u)));
const distributions: Readonly<Record<string, (u: number) => number>> = {
  laplace,
  relu: (u) => Math.max(0, laplace(u)),
  logistic: (u) => Math.log(u / (1 - u)),
};

test.each(Object.keys(distributions))('percentile and entropy choose for %s values as others do', (name) => {
  const { percentile, entropy, migacz } = oracle.thresholds[name];
  const count = 200_000;
  const values = Float32Array.from({ length: count }, (_, i) => distributions[name]((i + 0.5) / count));
  const sketch = new RangeSketch();
  sketch.add(values);
  const kept = chooseRange(sketch, { method: 'percentile', percentile: 99.9 });
  expect(kept.maximum / percentile[1]).toBeGreaterThan(0.99);
  expect(kept.maximum / percentile[1]).toBeLessThan(1.01);
  const cut = chooseRange(sketch, { method: 'entropy' });
  // Where the divergence is flat, the histogram's bins decide.
  expect(cut.maximum / migacz).toBeGreaterThan(0.85);
  expect(cut.maximum / migacz).toBeLessThan(1.15);
  // That of ONNX Runtime counts half as many levels a side, so that it cuts off more.
  expect(cut.maximum).toBeGreaterThan(entropy[1]);
  const all = chooseRange(sketch, { method: 'minmax' });
  expect(all.maximum).toBe(values[count - 1]);
});

test('four bits are packed as ONNX Runtime packs them', () => {
  const { weight, packed, scales } = oracle.fourBits;
  const found = packBlocks(Float64Array.from(floats(weight)), 70, 5);
  expect(largestDifference(found.scales, floats(scales))).toBeLessThan(1e-7);
  expect([...found.packed]).toEqual(packed);
});

test('a sum of sketches is the sketch of all values, and says the range to its resolution', () => {
  const values = Float32Array.from({ length: 3000 }, (_, i) => Math.sin(i) * (i % 50) * 0.1);
  const whole = new RangeSketch(fleetLayout);
  whole.add(values);
  const parts = [0, 1, 2].map((part) => {
    const sketch = new RangeSketch(fleetLayout);
    sketch.add(values.subarray(part * 1000, (part + 1) * 1000));
    return sketch;
  });
  const sum = whole.counts.map((_, at) => parts.reduce((total, { counts }) => total + counts[at], 0));
  expect(sum).toEqual(whole.counts);
  const range = chooseRange(new RangeSketch(fleetLayout, sum), { method: 'minmax' });
  expect(range.maximum / whole.maximum).toBeGreaterThanOrEqual(1);
  expect(range.maximum / whole.maximum).toBeLessThan(1.07);
  expect(range.minimum / whole.minimum).toBeLessThan(1.07);
});

test('a sketch refuses what is not finite, and a range needs values', () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => new RangeSketch().add(Float32Array.of(0, value, 1))).toThrow(/not finite/);
  }
  expect(() => chooseRange(new RangeSketch(), { method: 'entropy' })).toThrow(/no values/);
  const zeros = new RangeSketch();
  zeros.add(new Float32Array(4));
  expect(chooseRange(zeros, { method: 'percentile' })).toEqual({ minimum: 0, maximum: 1 });
});

test('a weight keeps its largest value in each channel, with seven bits as with eight', () => {
  const weight = tensorOf('float32', [2, 3], [1.2, -2, 0.5, 0, 0, 0]);
  expect([...quantizeWeight(weight, 0).integers.data]).toEqual([76, -127, 32, 0, 0, 0]);
  expect([...quantizeWeight(weight, 0, 7).integers.data]).toEqual([38, -63, 16, 0, 0, 0]);
});

/** Conv, BatchNormalization, Relu, and a dense layer as PyTorch writes it: MatMul and Add. */
function normalized(): Model {
  const b = new GraphBuilder();
  const wave = (count: number, scale: number) =>
    Float32Array.from({ length: count }, (_, i) => scale * Math.sin(3 * i + 1));
  const stored = (shape: readonly number[], scale: number, base = 0) =>
    b.constant(
      tensorOf(
        'float32',
        shape,
        wave(
          shape.reduce((a, c) => a * c, 1),
          scale,
        ).map((v) => v + base),
      ),
    );
  const x = b.input('x', 'float32', ['batch', 2, 4, 4]);
  const conv = b.op('Conv', [x, stored([3, 2, 3, 3], 0.5), stored([3], 0.2)]);
  const norm = b.op('BatchNormalization', [
    conv,
    stored([3], 0.3, 1),
    stored([3], 0.5),
    stored([3], 1),
    stored([3], 0.2, 1),
  ]);
  const flat = b.op('Flatten', [b.op('Relu', [norm])]);
  b.output(b.op('Add', [b.op('MatMul', [flat, stored([12, 4], 0.6)]), stored([4], 0.1)]), 'y');
  return b.build();
}

test('batch normalisation goes into the weights, a bias into its product, and the model computes what it did', async () => {
  const model = normalized();
  const prepared = prepare(model);
  expect(prepared.model.graph.nodes.map(({ opType }) => opType)).toEqual([
    'Conv',
    'Relu',
    'Flatten',
    'Gemm',
    'Identity',
  ]);
  const x = Float32Array.from({ length: 5 * 32 }, (_, i) => Math.cos(i));
  const [before, after] = [
    await outputOf(model, x, [5, 2, 4, 4]),
    await outputOf(prepared.model, x, [5, 2, 4, 4]),
  ];
  expect(largestDifference(before, after)).toBeLessThan(1e-5);
});

test.each(['residual', 'inverted-residual'])(
  'an imported %s becomes int8 with an error of a few percent',
  async (name) => {
    const model = readModelFile(new URL(`models/${name}/model.onnx`, file('.')).pathname);
    const prepared = prepare(model);
    const elements = prepared.model.graph.inputs[0].shape.slice(1).reduce((a: number, c) => a * Number(c), 1);
    const x = Float32Array.from({ length: 16 * elements }, (_, i) => Math.sin(i * i));
    const examples = sourceOf(x, elements);
    const points = quantizationPoints(prepared);
    const sketches = await calibrate(prepared, calibratedTensors(points), examples);
    const ranges = new Map(
      [...sketches].map(([key, sketch]) => [key, chooseRange(sketch, { method: 'minmax' })]),
    );
    const quantized = quantizeStatic(prepared, points, ranges);
    // Our own tools read it: every value has a shape.
    expect(builderFromModel(quantized).outputs).toHaveLength(prepared.model.graph.outputs.length);
    const errors = await measureLayerErrors(prepared, quantized, examples);
    expect(errors).toHaveLength(prepared.layers.length);
    for (const { sqnr } of errors) expect(sqnr).toBeGreaterThan(20);
  },
);

test('dynamic and 4-bit forms give nearly what the model gives, and are read again', async () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 7, 128]);
  const weight = Float32Array.from({ length: 128 * 128 }, (_, i) => Math.sin(i * i) * 0.1);
  b.output(b.op('MatMul', [x, b.constant(tensorOf('float32', [128, 128], weight))]), 'y');
  const prepared = prepare(b.build());
  const input = Float32Array.from({ length: 3 * 7 * 128 }, (_, i) => Math.cos(i * i * 0.7));
  const exact = await outputOf(prepared.model, input, [3, 7, 128]);
  for (const [form, share] of [
    [quantizeDynamic(prepared), 0.02],
    [quantizeWeights4(prepared), 0.15],
  ] as const) {
    expect(builderFromModel(form).outputs[0].value.shape).toEqual(['batch', 7, 128]);
    const error = largestDifference(exact, await outputOf(form, input, [3, 7, 128]));
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(share * Math.max(...exact.map(Math.abs)));
  }
});

/** Which output is largest decides a class; the first layer's input is a mixture of very different sizes. */
function delicate(): Model {
  const b = new GraphBuilder();
  const x = b.input('features', 'float32', ['batch', 4]);
  const first = tensorOf('float32', [4, 4], [1000, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
  const hidden = b.op('MatMul', [x, b.constant(first)]);
  const second = tensorOf('float32', [4, 3], [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1]);
  b.output(b.op('MatMul', [b.op('Relu', [hidden]), b.constant(second)]), 'y');
  return b.build();
}

test('mixed precision keeps the layer that all accuracy hangs on, and says so', async () => {
  const rows = 200;
  const x = Float32Array.from({ length: rows * 4 }, (_, i) => (i % 4 === 0 ? 1 : ((i * 7) % 11) / 11));
  const largest = (row: number) =>
    [1, 2, 3].reduce((best, at) => (x[row * 4 + at] > x[row * 4 + best] ? at : best), 1) - 1;
  const options = {
    ranges: { method: 'minmax' },
    examples: sourceOf(x, 4, largest),
    target: { kind: 'class', elements: 1 },
    qualityDropMax: 0.01,
  } as const;
  const all = await quantizeModel(delicate(), { ...options, method: 'static' });
  expect(all.before.value).toBe(1);
  expect(all.after.value).toBeLessThan(0.9);
  const stages = new Set<string>();
  const mixed = await quantizeModel(delicate(), {
    ...options,
    method: 'mixed',
    onProgress: (stage) => void stages.add(stage),
  });
  expect(mixed.after.value).toBeGreaterThan(0.99);
  expect([...mixed.excluded]).toEqual([mixed.prepared.layers[1].name]);
  expect(stages).toEqual(new Set(['evaluate', 'calibrate', 'sensitivity']));

  let ms = 0;
  const report = await reportOn(mixed, {
    original: delicate(),
    method: 'mixed',
    qualityDropMax: 0.01,
    // A clock that goes on by itself: latencies are not what is looked at here.
    now: () => {
      ms += 7;
      return ms;
    },
  });
  expect(report.layers.map(({ precision }) => precision)).toEqual(['int8', 'f32']);
  expect(report.sensitivity[0].layer).toBe(mixed.prepared.layers[1].name);
  expect(report.recommended).toBe(report.reason.startsWith('it is smaller'));
});

test('pruning sets the smallest weights to zero, and counts them', () => {
  const prepared = prune(prepare(delicate()), 0.9);
  expect(sparsityOf(prepared)).toEqual({ weights: 28, zeros: 25 });
  expect(Math.max(...toNumbers(prepared.layers[0].weight))).toBe(1000);
  expect(() => prune(prepared, 1)).toThrow(expect.objectContaining({ code: 'quantize/options' }));
});

test.each([
  [0, /at least two/],
  [1, /at least two/],
])('%d examples are too few', async (rows, problem) => {
  const examples = sourceOf(new Float32Array(rows * 64), 64);
  const target = { kind: 'class', elements: 1 } as const;
  const options = {
    method: 'static',
    ranges: { method: 'minmax' },
    qualityDropMax: 0,
    examples,
    target,
  } as const;
  await expect(quantizeModel(small, options)).rejects.toThrow(problem);
});
