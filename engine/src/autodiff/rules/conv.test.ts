import fc from 'fast-check';
import { test } from 'vitest';
import { type Attribute, int, ints, string } from '../../onnx/index.js';
import { checkGradient } from '../../testing/gradient-check.js';
import { sample, seeds } from '../../testing/samples.js';

const small = fc.integer({ min: 1, max: 2 });

const axis = fc.record({
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: small,
  begin: fc.integer({ min: 0, max: 2 }),
  end: fc.integer({ min: 0, max: 2 }),
  extra: fc.integer({ min: 0, max: 4 }),
});

const cases = fc.record({
  axes: fc.array(axis, { minLength: 1, maxLength: 2 }),
  batch: small,
  group: small,
  perGroup: small,
  filters: small,
  bias: fc.boolean(),
  seed: seeds,
});

test('Conv in 1-D and 2-D with stride, padding, dilation and groups', async () => {
  await fc.assert(
    fc.asyncProperty(cases, async ({ axes, batch, group, perGroup, filters, bias, seed }) => {
      const spatial = axes.map(
        ({ kernel, dilation, begin, end, extra }) =>
          Math.max(1, (kernel - 1) * dilation + 1 - begin - end) + extra,
      );
      const kernel = axes.map((a) => a.kernel);
      const inputs = [
        sample([batch, group * perGroup, ...spatial], seed),
        sample([group * filters, perGroup, ...kernel], seed + 1),
        ...(bias ? [sample([group * filters], seed + 2)] : []),
      ];
      const attributes: Record<string, Attribute> = {
        strides: ints(axes.map((a) => a.stride)),
        dilations: ints(axes.map((a) => a.dilation)),
        pads: ints([...axes.map((a) => a.begin), ...axes.map((a) => a.end)]),
        group: int(group),
      };
      await checkGradient({ inputs, build: (b, values) => b.op('Conv', values, attributes), seed });
    }),
    { numRuns: 60 },
  );
});

test.each(['SAME_UPPER', 'SAME_LOWER', 'VALID'])('Conv with auto_pad %s', async (autoPad) => {
  for (const [strides, sizes] of [
    [
      [1, 1],
      [5, 4],
    ],
    [
      [2, 3],
      [5, 8],
    ],
    [
      [2, 2],
      [4, 7],
    ],
  ]) {
    await checkGradient({
      inputs: [sample([2, 2, ...sizes], 1), sample([3, 2, 3, 2], 2)],
      build: (b, values) => b.op('Conv', values, { auto_pad: string(autoPad), strides: ints(strides) }),
      seed: 3,
    });
  }
});

test('depthwise Conv', async () => {
  await checkGradient({
    inputs: [sample([2, 4, 5, 5], 1), sample([4, 1, 3, 3], 2), sample([4], 3)],
    build: (b, values) => b.op('Conv', values, { group: int(4), pads: ints([1, 1, 1, 1]) }),
    seed: 4,
  });
});
