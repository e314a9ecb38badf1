import { expect, test } from 'vitest';
import { parseStrategy } from './parse.js';
import { strategyKinds, strategyOf } from './registry.js';

test.each(strategyKinds)('%s leaves its arguments as they were and repeats itself exactly', (kind) => {
  const strategy = strategyOf(parseStrategy(kind));
  const state = strategy.initialize(3);
  const checkpoint = Float32Array.of(1, 2, 3);
  const delta = Float32Array.of(0.1, -0.2, 0.3);
  const before = structuredClone({ state, checkpoint, delta });
  const first = strategy.apply(state, checkpoint, delta, 4);
  expect({ state, checkpoint, delta }).toEqual(before);
  expect(strategy.apply(state, checkpoint, delta, 4)).toEqual(first);
  expect(first.state.round).toBe(4);
  expect(first.checkpoint).not.toEqual(checkpoint);
});

test.each(strategyKinds)('%s does not move a parameter that never had a delta', (kind) => {
  const strategy = strategyOf(parseStrategy(kind));
  let state = strategy.initialize(2);
  let checkpoint: Float32Array = Float32Array.of(0.5, 0.5);
  for (let round = 0; round < 5; round += 1) {
    ({ state, checkpoint } = strategy.apply(state, checkpoint, Float32Array.of(0.1, 0), round));
  }
  expect(checkpoint[0]).toBeGreaterThan(0.5);
  expect(checkpoint[1]).toBe(0.5);
});

test('a round is applied once, in order', () => {
  const strategy = strategyOf(parseStrategy('fedavgm'));
  const zero = new Float32Array(1);
  const { state } = strategy.apply(strategy.initialize(1), zero, zero, 3);
  for (const round of [3, 2, 4.5, Number.NaN]) {
    expect(() => strategy.apply(state, zero, zero, round)).toThrow(
      expect.objectContaining({ code: 'round-already-applied' }),
    );
  }
  expect(strategy.apply(state, zero, zero, 4).state.round).toBe(4);
});

test('vectors of another length and states of another strategy are refused', () => {
  const strategy = strategyOf(parseStrategy('fedavgm'));
  const state = strategy.initialize(2);
  const two = new Float32Array(2);
  const three = new Float32Array(3);
  const wrongLength = expect.objectContaining({ code: 'wrong-length' });
  expect(() => strategy.apply(state, three, two, 0)).toThrow(wrongLength);
  expect(() => strategy.apply(state, two, three, 0)).toThrow(wrongLength);
  const other = strategyOf(parseStrategy('fedadam')).initialize(2);
  expect(() => strategy.apply(other, two, two, 0)).toThrow(expect.objectContaining({ code: 'wrong-state' }));
});

test('a checkpoint that would overflow is refused with what to do', () => {
  const strategy = strategyOf(parseStrategy({ kind: 'fedavg', serverLearningRate: 10 }));
  const zero = new Float32Array(2);
  const huge = Float32Array.of(0, 3e38);
  expect(() => strategy.apply(strategy.initialize(2), zero, huge, 0)).toThrow(
    expect.objectContaining({
      code: 'not-finite',
      message: expect.stringContaining('lower serverLearningRate'),
    }),
  );
});
