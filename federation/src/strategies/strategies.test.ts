import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createAccumulator, float32Encoding, foldUpdate, mean } from '../vectors/index.js';
import type { StrategyDefinition } from './definition.js';
import { parseStrategy } from './parse.js';
import { strategyKinds, strategyOf } from './registry.js';
import { weightOf } from './weighting.js';

/** The checkpoints of one parameter that starts at `start` and sees one mean delta a round. */
function trajectory(definition: StrategyDefinition, start: number, deltas: readonly number[]) {
  const strategy = strategyOf(definition);
  let state = strategy.initialize(1);
  let checkpoint: Float32Array = Float32Array.of(start);
  return deltas.map((delta, round) => {
    ({ state, checkpoint } = strategy.apply(state, checkpoint, Float32Array.of(delta), round));
    return checkpoint[0];
  });
}

const closeTo = (values: readonly number[], expected: readonly number[]): void => {
  expect(values.length).toBe(expected.length);
  for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i], 6);
};

// Worked by hand from the papers' formulas, with numbers whose roots come out even.

test('FedAvg moves by the mean delta', () => {
  const definition = parseStrategy('fedavg');
  expect(trajectory(definition, 1, [0.5, -0.25])).toEqual([1.5, 1.25]);
  const slow = parseStrategy({ kind: 'fedavg', serverLearningRate: 0.5 });
  expect(trajectory(slow, 1, [0.5, -0.25])).toEqual([1.25, 1.125]);
});

test('FedProx averages like FedAvg', () => {
  const definition = parseStrategy({ kind: 'fedprox', proximalMu: 0.1 });
  expect(trajectory(definition, 1, [0.5, -0.25])).toEqual([1.5, 1.25]);
});

test('FedAvgM keeps a velocity', () => {
  const definition = parseStrategy({ kind: 'fedavgm', momentum: 0.5, serverLearningRate: 2 });
  // v: 1, 0.5·1 + 0.5 = 1, 0.5·1 - 1 = -0.5; x moves by 2·v.
  expect(trajectory(definition, 0, [1, 0.5, -1])).toEqual([2, 4, 3]);
});

test('FedAdagrad divides by the root of all squares so far', () => {
  const definition = parseStrategy({
    kind: 'fedadagrad',
    serverLearningRate: 1,
    beta1: 0,
    tau: 4,
  });
  // v starts at τ² = 16. Δ = 3: v = 25, x = 3/(5 + 4) = 1/3. Δ = 12: v = 169, x += 12/(13 + 4).
  closeTo(trajectory(definition, 0, [3, 12]), [1 / 3, 1 / 3 + 12 / 17]);
});

test('FedAdam divides by the root of a decaying mean of squares', () => {
  const definition = parseStrategy({
    kind: 'fedadam',
    serverLearningRate: 0.1,
    beta1: 0.5,
    beta2: 0.75,
    tau: 2,
  });
  // v = 4. Δ = 4: m = 2, v = 3 + 4 = 7. Δ = -2: m = 1 - 1 = 0, v = 5.25 + 1 = 6.25. Δ = 6: m = 3, v = 4.6875 + 9.
  const first = (0.1 * 2) / (Math.sqrt(7) + 2);
  const third = first + (0.1 * 3) / (Math.sqrt(13.6875) + 2);
  closeTo(trajectory(definition, 0, [4, -2, 6]), [first, first, third]);
});

test('FedYogi moves its second moment towards the square by a share of the square', () => {
  const definition = parseStrategy({
    kind: 'fedyogi',
    serverLearningRate: 0.1,
    beta1: 0,
    beta2: 0.75,
    tau: 2,
  });
  // v = 4. Δ = 4: v < 16, v = 4 + 0.25·16 = 8. Δ = 2: v > 4, v = 8 - 1 = 7. Δ = 0: v stays.
  const first = 0.4 / (Math.sqrt(8) + 2);
  const second = first + 0.2 / (Math.sqrt(7) + 2);
  closeTo(trajectory(definition, 0, [4, 2, 0]), [first, second, second]);
});

/** Algorithm 2 of Reddi et al. 2021 (and the two averaging rules) on plain numbers, one parameter at a time. */
function slowReference(definition: StrategyDefinition, start: number, deltas: readonly number[]) {
  const settings = { momentum: 0, beta1: 0, beta2: 0, tau: 0, ...definition };
  const eta = settings.serverLearningRate;
  let x = start;
  let m = 0;
  let v = settings.tau ** 2;
  for (const d of deltas) {
    switch (settings.kind) {
      case 'fedavg':
      case 'fedprox':
        x += eta * d;
        continue;
      case 'fedavgm':
        m = settings.momentum * m + d;
        x += eta * m;
        continue;
      case 'fedadagrad':
        v += d ** 2;
        break;
      case 'fedadam':
        v = settings.beta2 * v + (1 - settings.beta2) * d ** 2;
        break;
      case 'fedyogi':
        if (v > d ** 2) v -= (1 - settings.beta2) * d ** 2;
        else if (v < d ** 2) v += (1 - settings.beta2) * d ** 2;
        break;
    }
    m = settings.beta1 * m + (1 - settings.beta1) * d;
    x += (eta * m) / (v ** 0.5 + settings.tau);
  }
  return x;
}

test.each(strategyKinds)('%s follows the slow reference over many rounds', (kind) => {
  const definition = parseStrategy(kind);
  const rounds = 12;
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.infiniteStream(fc.double({ min: -0.5, max: 0.5, noNaN: true })),
      (parameterCount, values) => {
        const draw = (): Float32Array =>
          Float32Array.from({ length: parameterCount }, () => values.next().value);
        const start = draw();
        const deltas = Array.from({ length: rounds }, draw);
        const strategy = strategyOf(definition);
        let state = strategy.initialize(parameterCount);
        let checkpoint: Float32Array = start;
        for (const [round, delta] of deltas.entries()) {
          ({ state, checkpoint } = strategy.apply(state, checkpoint, delta, round));
        }
        for (let i = 0; i < parameterCount; i += 1) {
          const expected = slowReference(
            definition,
            start[i],
            deltas.map((delta) => delta[i]),
          );
          // The moments and the checkpoint are rounded to f32 each round.
          expect(Math.abs(checkpoint[i] - expected)).toBeLessThan(2e-5 * (1 + Math.abs(expected)));
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('FedAvg of K devices is the weighted mean of their models, computed independently, to 1e-6', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          examples: fc.integer({ min: 1, max: 6_000 }),
          model: fc.array(fc.double({ min: -1, max: 1, noNaN: true }), {
            minLength: 5,
            maxLength: 5,
          }),
        }),
        { minLength: 1, maxLength: 20 },
      ),
      fc.constantFrom('by-examples', 'uniform'),
      (devices, weighting) => {
        const strategy = strategyOf(parseStrategy({ kind: 'fedavg', weighting }));
        const start = Float32Array.of(0.5, -0.5, 0, 0.25, -0.125);
        const accumulator = createAccumulator(5);
        for (const { examples, model } of devices) {
          const delta = Float32Array.from(model, (value, i) => value - start[i]);
          const weight = weightOf(strategy.definition.weighting, examples);
          foldUpdate(accumulator, new Uint8Array(delta.buffer), float32Encoding, weight);
        }
        const { checkpoint } = strategy.apply(strategy.initialize(5), start, mean(accumulator), 0);

        const weightOfDevice = ({ examples }: { examples: number }): number =>
          weighting === 'uniform' ? 1 : examples;
        const total = devices.reduce((sum, device) => sum + weightOfDevice(device), 0);
        for (let i = 0; i < 5; i += 1) {
          const expected = devices.reduce(
            (sum, device) => sum + (device.model[i] * weightOfDevice(device)) / total,
            0,
          );
          expect(Math.abs(checkpoint[i] - expected)).toBeLessThan(1e-6);
        }
      },
    ),
  );
});
