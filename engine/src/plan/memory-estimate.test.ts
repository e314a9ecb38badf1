import { expect, test } from 'vitest';
import { namedModel } from '../models/index.js';
import { GraphBuilder, int } from '../onnx/index.js';
import { compilePlan } from './compile.js';
import { bytesOf, peakBytes } from './memory-estimate.js';

test('sizes of names, of their multiples and of two that may be equal', () => {
  const value = (shape: (number | string)[]) => ({ name: 'x', dataType: 'float32', shape }) as const;
  expect(bytesOf(value([2, 3]))).toBe(24);
  expect(bytesOf(value(['batch', 3]), { batch: 5 })).toBe(60);
  expect(bytesOf(value(['4*batch']), { batch: 5 })).toBe(80);
  expect(bytesOf(value(['batch|other']), { batch: 5 })).toBe(20);
});

test('a value counts from where it is computed to its last use, once, whatever its shape', () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [100]);
  // 1200 bytes while both of the first two live, which the third does not need any more.
  const joined = b.op('Concat', [x, x], { axis: int(0) });
  const viewed = b.op('Reshape', [joined, b.ints([2, 100])]);
  const sum = b.op('ReduceSum', [viewed, b.ints([0])], { keepdims: int(0) });
  const after = b.op('Concat', [sum, sum], { axis: int(0) });
  expect(peakBytes(b, b.nodes, [after.name])).toBe(1200);
  expect(peakBytes(b, b.nodes, [after.name, viewed.name])).toBe(2000);
});

test('an operator writes over an operand that nobody needs any more', () => {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', [100]);
  const first = b.op('Exp', [x]);
  const second = b.op('Relu', [first]);
  const third = b.op('Mul', [second, x]);
  expect(peakBytes(b, b.nodes, [third.name])).toBe(400);
  expect(peakBytes(b, b.nodes, [third.name, first.name])).toBe(800);
});

test('a plan says what it takes: more with larger batches, and more with an optimizer that has a state', () => {
  const memory = (batchSize: number, kind: 'sgd' | 'adam') =>
    compilePlan(namedModel('cnn'), {
      loss: { kind: 'softmax-cross-entropy' },
      optimizer: kind === 'sgd' ? { kind } : { kind, beta1: 0.9, beta2: 0.999, epsilon: 1e-8 },
      batchSize,
    }).manifest.memoryBytes;
  const parameterBytes = 4 * 1_199_882;
  expect(memory(20, 'sgd')).toBeGreaterThan(8 * parameterBytes);
  expect(memory(40, 'sgd')).toBeGreaterThan(1.2 * memory(20, 'sgd'));
  expect(memory(20, 'adam') - memory(20, 'sgd')).toBeGreaterThan(10 * parameterBytes);
});
