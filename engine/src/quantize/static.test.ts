/** Against ONNX Runtime's own quantizer, whose results are stored with their generator in test/oracles. */
import { expect, test } from 'vitest';
import { readModelFile } from '../models/index.js';
import { builderFromModel, GraphBuilder, tensorOf, toNumbers } from '../onnx/index.js';
import {
  floats,
  largestDifference,
  oracle,
  oracleFile,
  outputOf,
  small,
  sourceOf,
} from '../testing/quantization.js';
import {
  calibrate,
  calibratedTensors,
  chooseRange,
  prepare,
  quantizationPoints,
  quantizeStatic,
} from './index.js';
import { affineScale, quantizeWeight, scalesForBias } from './integers.js';
import { measureLayerErrors } from './measure.js';

const smallInput = floats(oracle.x);

async function quantizedSmall() {
  const prepared = prepare(small);
  const points = quantizationPoints(prepared);
  const sketches = await calibrate(prepared, calibratedTensors(points), sourceOf(smallInput, 64));
  const ranges = new Map(
    [...sketches].map(([name, sketch]) => [name, chooseRange(sketch, { method: 'minmax' })]),
  );
  return { ranges, model: quantizeStatic(prepared, points, ranges) };
}

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

test('a weight keeps its largest value in each channel, with seven bits as with eight', () => {
  const weight = tensorOf('float32', [2, 3], [1.2, -2, 0.5, 0, 0, 0]);
  expect([...quantizeWeight(weight, 0).integers.data]).toEqual([76, -127, 32, 0, 0, 0]);
  expect([...quantizeWeight(weight, 0, 7).integers.data]).toEqual([38, -63, 16, 0, 0, 0]);
});

test.each(['residual', 'inverted-residual'])(
  'an imported %s becomes int8 with an error of a few percent',
  async (name) => {
    const model = readModelFile(oracleFile(`models/${name}/model.onnx`).pathname);
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

test('a channel that normalisation switched off keeps its bias, and so does one for a constant input', async () => {
  const b = new GraphBuilder();
  const x = b.input('features', 'float32', ['batch', 2]);
  const weight = b.constant(tensorOf('float32', [2, 2], [1e-11, 1, -1e-11, 0.5]));
  b.output(b.op('Gemm', [x, weight, b.constant(tensorOf('float32', [2], [1.5, -0.25]))]), 'y');
  const prepared = prepare(b.build());
  const points = quantizationPoints(prepared);
  for (const [maximum, input, wanted] of [
    [1, [1, 1], [1.5, 1.25]],
    [0, [0, 0], [1.5, -0.25]],
  ] as const) {
    const model = quantizeStatic(prepared, points, new Map([['features', { minimum: 0, maximum }]]));
    const y = await outputOf(model, Float32Array.from(input), [1, 2]);
    expect(largestDifference(y, wanted)).toBeLessThan(0.01);
  }
  expect([...scalesForBias(tensorOf('float32', [1], [2 ** 30]), 0.5, 2)]).toEqual([2, 2]);
});

test('a bias of each row stays what it is', async () => {
  const b = new GraphBuilder();
  const x = b.input('features', 'float32', [2, 2]);
  const bias = b.constant(tensorOf('float32', [2, 1], [10, 20]));
  b.output(b.op('Gemm', [x, b.constant(tensorOf('float32', [2, 2], [1, 0, 0, 1])), bias]), 'y');
  const prepared = prepare(b.build());
  const ranges = new Map([['features', { minimum: 0, maximum: 1 }]]);
  const model = quantizeStatic(prepared, quantizationPoints(prepared), ranges);
  const y = await outputOf(model, Float32Array.from([0, 1, 1, 0]), [2, 2]);
  expect(largestDifference(y, [10, 11, 21, 20])).toBeLessThan(0.02);
});
