import { expect, test } from 'vitest';
import { type GraphBuilder, ints, type Value } from '../../../onnx/index.js';
import { sample } from '../../../testing/samples.js';
import { expectSameTraining } from '../../../testing/training-forms.js';

interface Case {
  readonly side: number;
  /** Of both convolutions, at the beginning and at the end. */
  readonly pads?: readonly [number, number];
  readonly stride?: number;
  readonly bias?: boolean;
  readonly channels?: number;
}

/** Winograd's tiles round more than sums do: Lavin and Gray 2016, section 5.3. */
const tolerance = 2e-5;

function layer(b: GraphBuilder, x: Value, w: Value, bias: Value | undefined, c: Case, stride = 1): Value {
  const [begin, end] = c.pads ?? [0, 0];
  return b.op('Conv', [x, w, bias], {
    strides: ints([stride, stride]),
    pads: ints([begin, begin, end, end]),
  });
}

const inputsOf = ({ side, channels = 1 }: Case) => [
  sample([3, channels, side, side + 4], 1),
  sample([16, channels, 3, 3], 2),
  sample([16], 3),
  sample([18, 16, 3, 3], 4),
  sample([18], 5),
];

const cases: readonly Case[] = [
  { side: 12 },
  { side: 12, bias: false },
  { side: 16, channels: 3, pads: [1, 1] },
  { side: 16, channels: 2, pads: [1, 0] },
  { side: 19, pads: [0, 1], stride: 2 },
];

test.each(cases)('two convolutions and a pool of %j', async (c) => {
  const operators = await expectSameTraining(
    inputsOf(c),
    (b, [x, first, firstBias, second, secondBias]) => {
      const [one, two] = c.bias === false ? [undefined, undefined] : [firstBias, secondBias];
      const hidden = b.op('Relu', [layer(b, x, first, one, c, c.stride)]);
      const rectified = b.op('Relu', [layer(b, hidden, second, two, c)]);
      const pooled = b.op('MaxPool', [rectified], { kernel_shape: ints([2, 2]), strides: ints([2, 2]) });
      return c.bias === false
        ? b.op('Add', [
            pooled,
            b.op('Add', [b.op('ReduceSum', [firstBias]), b.op('ReduceSum', [secondBias])]),
          ])
        : pooled;
    },
    tolerance,
  );
  expect(operators).not.toContain('Conv');
});

test.each(cases)(
  'two convolutions without a pool, of which the first has another reader too, of %j',
  async (c) => {
    const operators = await expectSameTraining(
      inputsOf(c),
      (b, [x, first, firstBias, second, secondBias]) => {
        const hidden = layer(b, x, first, firstBias, c, c.stride);
        const bent = b.op('Tanh', [b.op('Mul', [layer(b, hidden, second, secondBias, c), b.scalar(0.02)])]);
        return b.op('Add', [bent, b.op('ReduceMax', [hidden], {})]);
      },
      tolerance,
    );
    expect(operators.filter((operator) => operator === 'Conv')).toHaveLength(1);
  },
);

test('pools of other windows, few channels, and kernels of other sizes stay as they are', async () => {
  const inputs = [sample([2, 1, 14, 14], 1), sample([16, 1, 3, 3], 2), sample([16, 16, 3, 3], 3)];
  await expectSameTraining(
    inputs,
    (b, [x, first, second]) => {
      const wide = b.op('Conv', [b.op('Conv', [x, first]), second]);
      return b.op('MaxPool', [wide], { kernel_shape: ints([3, 3]), strides: ints([2, 2]) });
    },
    tolerance,
  );
  const others = [
    sample([2, 1, 14, 14], 1),
    sample([8, 1, 3, 3], 2),
    sample([16, 8, 3, 3], 3),
    sample([16, 16, 2, 2], 4),
  ];
  const operators = await expectSameTraining(others, (b, [x, first, second, third]) =>
    b.op('Conv', [b.op('Conv', [b.op('Conv', [x, first]), second]), third]),
  );
  expect(operators).toContain('Conv');
});

test.each([
  { of: 'wide', shape: [1, 1, 8, 300] },
  { of: 'many', shape: [1, 3, 90, 90] },
])('pixels that are $of stay as they are: a plan holds no large tables', async ({ shape }) => {
  const inputs = [sample(shape, 1), sample([16, shape[1], 3, 3], 2), sample([16, 16, 3, 3], 3)];
  const operators = await expectSameTraining(inputs, (b, [x, first, second]) =>
    b.op('GlobalAveragePool', [b.op('Conv', [b.op('Relu', [b.op('Conv', [x, first])]), second])]),
  );
  expect(operators).not.toContain('Gather');
});
