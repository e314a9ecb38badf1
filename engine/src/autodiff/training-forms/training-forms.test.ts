import { expect, test } from 'vitest';
import { float, type GraphBuilder, int, ints, tensorOf, type Value } from '../../onnx/index.js';
import { around0, positive, sample } from '../../testing/samples.js';
import { expectSameTraining } from '../../testing/training-forms.js';

const convolution = (b: GraphBuilder, x: Value, w: Value, settings: Record<string, number>, bias?: Value) =>
  b.op('Conv', [x, w, bias], {
    group: int(settings.group ?? 1),
    strides: ints([settings.stride ?? 1, settings.stride ?? 1]),
    dilations: ints([settings.dilation ?? 1, settings.dilation ?? 1]),
    pads: ints([settings.begin ?? 0, settings.begin ?? 0, settings.end ?? 0, settings.end ?? 0]),
  });

test.each([
  { side: 5, kernel: 3, stride: 1, begin: 1, end: 1 },
  { side: 6, kernel: 3, stride: 2, begin: 0, end: 1 },
  { side: 7, kernel: 2, stride: 1, begin: 1, end: 0, dilation: 2 },
  { side: 18, kernel: 3, stride: 1, begin: 1, end: 1 },
  { side: 19, kernel: 3, stride: 2, begin: 1, end: 1 },
  { side: 18, kernel: 5, stride: 3, begin: 4, end: 0, dilation: 1 },
  { side: 17, kernel: 2, stride: 1, begin: 3, end: 3, dilation: 3 },
])(
  'a depthwise convolution between pointwise ones: $side pixels, kernel $kernel, stride $stride',
  async (c) => {
    const inputs = [
      sample([3, 2, c.side, c.side], 1),
      sample([4, 2, 1, 1], 2),
      sample([4, 1, c.kernel, c.kernel], 3),
      sample([4], 4),
      sample([3, 4, 1, 1], 5),
    ];
    const operators = await expectSameTraining(inputs, (b, [x, first, depthwise, bias, last]) => {
      const wide = b.op('Relu', [convolution(b, x, first, {})]);
      const filtered = convolution(b, wide, depthwise, { ...c, group: 4 }, bias);
      return convolution(b, filtered, last, {});
    });
    expect(operators.includes('Conv')).toBe(c.side > 10);
  },
);

test('an inverted residual with squeeze and excitation, normalised by the batch', async () => {
  const statistics = (b: GraphBuilder, seed: number) => [
    b.constant(tensorOf('float32', [6], sample([6], seed).data)),
    b.constant(tensorOf('float32', [6], sample([6], seed + 1, positive).data)),
  ];
  const inputs = [
    sample([4, 3, 6, 5], 1),
    sample([6, 3, 1, 1], 2),
    sample([6, 1, 3, 3], 3),
    sample([6], 4, positive),
    sample([6], 5),
    sample([6, 6, 1, 1], 6),
    sample([3, 6, 1, 1], 7),
    sample([5, 3, 1, 1], 8),
  ];
  const operators = await expectSameTraining(
    inputs,
    (b, [x, expand, depthwise, scale, shift, squeeze, project, head]) => {
      const attributes = { training_mode: int(1), epsilon: float(0.01) };
      const wide = convolution(b, x, expand, {});
      const [normal] = b.ops('BatchNormalization', [wide, scale, shift, ...statistics(b, 11)], 3, attributes);
      const clipped = b.op('Clip', [normal, b.scalar(0), b.scalar(1)]);
      const filtered = convolution(b, clipped, depthwise, { group: 6, begin: 1, end: 1 });
      const frozen = b.op('BatchNormalization', [filtered, scale, shift, ...statistics(b, 13)]);
      const gate = b.op('Sigmoid', [convolution(b, b.op('GlobalAveragePool', [frozen]), squeeze, {})]);
      const narrow = convolution(b, b.op('Mul', [frozen, gate]), project, {});
      const sum = b.op('Mul', [b.scalar(0.5), b.op('Add', [narrow, x])]);
      return b.op('Flatten', [convolution(b, sum, head, {})], { axis: int(1) });
    },
  );
  expect(operators).not.toContain('Conv');
});

test('running statistics that somebody uses are those of the operator', async () => {
  const inputs = [sample([3, 2, 4], 1), sample([2], 2, positive), sample([2], 3)];
  const before = [sample([2], 4, around0), sample([2], 5, positive)];
  await expectSameTraining(inputs, (b, [x, scale, shift]) => {
    const [mean, variance] = before.map(({ data }) => b.constant(tensorOf('float32', [2], data)));
    const outputs = b.ops('BatchNormalization', [x, scale, shift, mean, variance], 3, {
      training_mode: int(1),
      momentum: float(0.7),
    });
    const statistics = b.op('Reshape', [b.op('Add', [outputs[1], outputs[2]]), b.ints([2, 1])]);
    return b.op('Add', [outputs[0], statistics]);
  });
});

test('models of few such convolutions stay as they are', async () => {
  const inputs = [sample([2, 3, 6, 6], 1), sample([4, 3, 3, 3], 2), sample([5, 4, 1, 1], 3)];
  const operators = await expectSameTraining(inputs, (b, [x, first, second]) =>
    convolution(b, convolution(b, x, first, {}), second, {}),
  );
  expect(operators.filter((opType) => opType === 'Conv')).toHaveLength(2);
  expect(operators).not.toContain('ReduceMean');
});
