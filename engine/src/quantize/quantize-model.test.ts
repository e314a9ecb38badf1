import { expect, test } from 'vitest';
import { GraphBuilder, type Model, tensorOf, toNumbers } from '../onnx/index.js';
import { small, sourceOf } from '../testing/quantization.js';
import { prepare, prune, quantizeModel, reportOn, sparsityOf } from './index.js';

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
