import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import { GraphBuilder, writeModel } from '../../onnx/index.js';
import { randomStream, standardNormal } from '../../random.js';
import { buildModel, parseModel } from '../index.js';

const batch = 2;
const count = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1);

interface Result {
  readonly input: Float32Array;
  readonly parameters: Float32Array;
  readonly output: Float32Array;
  readonly outputShape: readonly number[];
}

/** What one layer makes of random inputs, with random parameters. */
async function run(layer: object, inputShape: readonly number[], dropoutSeed?: number): Promise<Result> {
  const model = buildModel(parseModel({ kind: 'sequential', inputShape, layers: [layer] }));
  const normal = standardNormal(randomStream(9, 0));
  const parameters = Float32Array.from({ length: model.parameterCount }, normal);
  const input = Float32Array.from({ length: batch * count(inputShape) }, normal);
  const builder = new GraphBuilder();
  const x = builder.input('x', 'float32', [batch, ...inputShape]);
  const seed = dropoutSeed === undefined ? undefined : builder.input('seed', 'int32', []);
  const values = model.parameters.map(({ name, shape }) => builder.input(name, 'float32', shape));
  const y = model.forward(builder, x, values, seed === undefined ? {} : { dropoutSeed: seed });
  builder.output(y, 'y');
  const session = await InferenceSession.create(writeModel(builder.build()), { logSeverityLevel: 3 });
  const feeds: Record<string, Tensor> = { x: new Tensor('float32', input, [batch, ...inputShape]) };
  if (dropoutSeed !== undefined) feeds.seed = new Tensor('int32', [dropoutSeed], []);
  for (const { name, shape, offset } of model.parameters) {
    feeds[name] = new Tensor('float32', parameters.subarray(offset, offset + count(shape)), shape);
  }
  const { y: output } = await session.run(feeds);
  await session.release();
  expect(output.dims).toEqual([batch, ...model.outputShape]);
  if (!(output.data instanceof Float32Array)) throw new Error('the output must be float32');
  return { input, parameters, output: output.data, outputShape: model.outputShape };
}

function expectClose(found: Float32Array, expected: readonly number[]): void {
  expect(found.length).toBe(expected.length);
  const worst = expected.reduce((most, value, at) => Math.max(most, Math.abs(value - found[at])), 0);
  expect(worst).toBeLessThan(1e-5);
}

/** A plain 2-D convolution over one image with explicit padding at the beginning. */
interface PlainWindow {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly size: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly padBegin: readonly [number, number];
  readonly outputSize: readonly [number, number];
}

/** Calls `visit` for each element that a window meets, at each of its positions. */
function eachMeeting(
  window: PlainWindow,
  visit: (position: number, offset: number, element: number) => void,
): void {
  const { height, width, size, stride, dilation, padBegin, outputSize } = window;
  for (let row = 0; row < outputSize[0]; row++) {
    for (let column = 0; column < outputSize[1]; column++) {
      for (let i = 0; i < size[0]; i++) {
        for (let j = 0; j < size[1]; j++) {
          const y = row * stride[0] + i * dilation[0] - padBegin[0];
          const x = column * stride[1] + j * dilation[1] - padBegin[1];
          if (y < 0 || x < 0 || y >= height || x >= width) continue;
          visit(row * outputSize[1] + column, i * size[1] + j, y * width + x);
        }
      }
    }
  }
}

test.each<[string, object, Omit<PlainWindow, 'channels' | 'height' | 'width'>, number]>([
  [
    'valid',
    { kernelSize: [3, 2] },
    { size: [3, 2], stride: [1, 1], dilation: [1, 1], padBegin: [0, 0], outputSize: [5, 5] },
    1,
  ],
  [
    'same, strided: the odd padding goes to the end',
    { kernelSize: [2, 3], strides: [2, 2], padding: 'same' },
    { size: [2, 3], stride: [2, 2], dilation: [1, 1], padBegin: [0, 0], outputSize: [4, 3] },
    1,
  ],
  [
    'same, dilated, in groups',
    { kernelSize: [3, 3], dilations: [1, 2], padding: 'same', groups: 2 },
    { size: [3, 3], stride: [1, 1], dilation: [1, 2], padBegin: [1, 2], outputSize: [7, 6] },
    2,
  ],
])('conv2d: %s', async (_, settings, window, groups) => {
  const [channels, height, width, filters] = [4, 7, 6, 6];
  const result = await run({ kind: 'conv2d', filters, ...settings }, [channels, height, width]);
  const area = window.size[0] * window.size[1];
  const [perGroup, filtersPerGroup] = [channels / groups, filters / groups];
  const biases = filters * perGroup * area;
  const positions = window.outputSize[0] * window.outputSize[1];
  const expected = new Array<number>(batch * filters * positions).fill(0);
  for (let example = 0; example < batch; example++) {
    for (let filter = 0; filter < filters; filter++) {
      const base = (example * filters + filter) * positions;
      expected.fill(result.parameters[biases + filter], base, base + positions);
      for (let channel = 0; channel < perGroup; channel++) {
        const source = Math.floor(filter / filtersPerGroup) * perGroup + channel;
        eachMeeting({ channels, height, width, ...window }, (position, offset, element) => {
          const weight = result.parameters[(filter * perGroup + channel) * area + offset];
          expected[base + position] +=
            weight * result.input[(example * channels + source) * height * width + element];
        });
      }
    }
  }
  expectClose(result.output, expected);
});

test('conv1d is conv2d with one row', async () => {
  const settings = { filters: 3, padding: 'same' };
  const line = await run({ kind: 'conv1d', kernelSize: 4, strides: 2, ...settings }, [2, 9]);
  const image = await run({ kind: 'conv2d', kernelSize: [1, 4], strides: [1, 2], ...settings }, [2, 1, 9]);
  expectClose(line.output, [...image.output]);
});

test.each(['max', 'average'])('%s pooling ignores the padding', async (kind) => {
  const [channels, height, width] = [3, 5, 4];
  const layer = { kind: `${kind}Pool2d`, poolSize: [2, 3], strides: [2, 1], padding: 'same' };
  const { input, output } = await run(layer, [channels, height, width]);
  const window: PlainWindow = {
    channels,
    height,
    width,
    size: [2, 3],
    stride: [2, 1],
    dilation: [1, 1],
    padBegin: [0, 1],
    outputSize: [3, 4],
  };
  const expected: number[] = [];
  for (let image = 0; image < batch * channels; image++) {
    const met: number[][] = Array.from({ length: 12 }, () => []);
    eachMeeting(window, (position, _, element) =>
      met[position].push(input[image * height * width + element]),
    );
    for (const values of met) {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      expected.push(kind === 'max' ? Math.max(...values) : mean);
    }
  }
  expectClose(output, expected);
});

test('one-dimensional pooling', async () => {
  const { input, output } = await run({ kind: 'maxPool1d', poolSize: 2 }, [1, 4]);
  const pairs = Array.from({ length: 4 }, (_, at) => Math.max(input[2 * at], input[2 * at + 1]));
  expectClose(output, pairs);
  const average = await run({ kind: 'averagePool1d', poolSize: 4 }, [1, 4]);
  expectClose(
    average.output,
    [0, 4].map((at) => input.subarray(at, at + 4).reduce((sum, value) => sum + value, 0) / 4),
  );
});

test('globalAveragePool is the mean of each channel', async () => {
  const { input, output } = await run({ kind: 'globalAveragePool' }, [3, 2, 2]);
  const means = Array.from({ length: 6 }, (_, at) =>
    input.subarray(at * 4, at * 4 + 4).reduce((sum, value) => sum + value / 4, 0),
  );
  expectClose(output, means);
});

test.each([{ kind: 'flatten' }, { kind: 'reshape', shape: [3, 4] }])(
  '$kind keeps the order',
  async (layer) => {
    const { input, output } = await run(layer, [2, 6]);
    expectClose(output, [...input]);
  },
);

/** `(x - mean) / √(variance + ε)` over each run of `size` elements. */
function normalized(input: Float32Array, size: number): number[] {
  return [...input].map((value, at) => {
    const row = input.subarray(Math.floor(at / size) * size, (Math.floor(at / size) + 1) * size);
    const mean = row.reduce((sum, x) => sum + x, 0) / size;
    const variance = row.reduce((sum, x) => sum + (x - mean) ** 2, 0) / size;
    return (value - mean) / Math.sqrt(variance + 1e-5);
  });
}

test('layerNorm normalises the last axis, then scales and shifts each position', async () => {
  const { input, parameters, output } = await run({ kind: 'layerNorm' }, [3, 5]);
  expectClose(
    output,
    normalized(input, 5).map((value, at) => value * parameters[at % 5] + parameters[5 + (at % 5)]),
  );
});

test('groupNorm normalises groups of channels, then scales and shifts each channel', async () => {
  const { input, parameters, output } = await run({ kind: 'groupNorm', groups: 2 }, [4, 3, 2]);
  const channel = (at: number): number => Math.floor(at / 6) % 4;
  expectClose(
    output,
    normalized(input, 12).map((value, at) => value * parameters[channel(at)] + parameters[4 + channel(at)]),
  );
});

/** Φ(x) by numerical integration of the normal density. */
function normalCdf(x: number): number {
  const steps = 2000;
  const width = x / steps;
  let area = 0;
  for (let at = 0; at < steps; at++) area += Math.exp(-(((at + 0.5) * width) ** 2) / 2) * width;
  return 0.5 + area / Math.sqrt(2 * Math.PI);
}

test.each<[object, (x: number) => number]>([
  [{ kind: 'relu' }, (x) => Math.max(0, x)],
  [{ kind: 'leakyRelu', alpha: 0.2 }, (x) => (x > 0 ? x : 0.2 * x)],
  [{ kind: 'sigmoid' }, (x) => 1 / (1 + Math.exp(-x))],
  [{ kind: 'tanh' }, Math.tanh],
  [{ kind: 'elu', alpha: 0.5 }, (x) => (x > 0 ? x : 0.5 * Math.expm1(x))],
  [{ kind: 'gelu' }, (x) => x * normalCdf(x)],
])('%j is its formula', async (layer, formula) => {
  const { input, output } = await run(layer, [20]);
  expectClose(output, [...input].map(formula));
});

test('softmax is over the last axis', async () => {
  const { input, output } = await run({ kind: 'softmax' }, [2, 3]);
  const expected = [...input].map((value, at) => {
    const row = input.subarray(Math.floor(at / 3) * 3, (Math.floor(at / 3) + 1) * 3);
    return Math.exp(value) / row.reduce((sum, x) => sum + Math.exp(x), 0);
  });
  expectClose(output, expected);
});

test('dropout drops its share and scales the rest, by the seed', async () => {
  const first = await run({ kind: 'dropout', rate: 0.25 }, [4000], 1);
  const kept = first.output.reduce((sum, value) => sum + (value === 0 ? 0 : 1), 0);
  // 8,000 elements: three percent is six standard errors.
  expect(Math.abs(kept / 8000 - 0.75)).toBeLessThan(0.03);
  first.output.forEach((value, at) => {
    if (value !== 0) expect(value).toBeCloseTo(first.input[at] / 0.75, 5);
  });
  expect((await run({ kind: 'dropout', rate: 0.25 }, [4000], 1)).output).toEqual(first.output);
  expect((await run({ kind: 'dropout', rate: 0.25 }, [4000], 2)).output).not.toEqual(first.output);
});
