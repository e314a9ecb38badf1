/**
 * Every algorithm over devices whose losses are quadratics, a/2·(w - b)², trained by gradient descent written out here: what
 * the papers promise of the place where rounds come to rest is known in closed form.
 */
import { expect, test } from 'vitest';
import {
  type AlgorithmState,
  algorithmOf,
  type FederatedAlgorithm,
  localProgress,
  parseAlgorithm,
} from './index.js';

interface Device {
  /** Curvature and optimum of its loss. */
  readonly a: number;
  readonly b: number;
  readonly steps: number;
  readonly weight: number;
}

/** Unequal in everything, so that averaging drifts. */
const devices: readonly Device[] = [
  { a: 1, b: -1, steps: 2, weight: 10 },
  { a: 4, b: 3, steps: 8, weight: 10 },
  { a: 2, b: 0.5, steps: 5, weight: 10 },
];
const curvature = devices.reduce((sum, { a }) => sum + a, 0);
const optimum = devices.reduce((sum, { a, b }) => sum + a * b, 0) / curvature;

function train(algorithm: FederatedAlgorithm, rounds: number, learningRate: number): number {
  let state: AlgorithmState = algorithm.initialize(1);
  let checkpoint = Float32Array.of(0);
  const kept = devices.map(() => Array.from({ length: algorithm.keptVectors }, () => new Float32Array(1)));
  for (let round = 0; round < rounds; round += 1) {
    const broadcast = state.vectors.slice(0, algorithm.broadcastVectors);
    let [sum, weight, extras, scalar] = [0, 0, 0, 0];
    for (const [index, device] of devices.entries()) {
      const correction = Float32Array.of(0);
      algorithm.correct({ broadcast, kept: kept[index] }, correction);
      let w = checkpoint[0];
      for (let step = 0; step < device.steps; step += 1) {
        const pull = algorithm.plan.proximalMu * (w - checkpoint[0]);
        w -= learningRate * (device.a * (w - device.b) + pull + correction[0]);
      }
      const delta = Float32Array.of(w - checkpoint[0]);
      const extra = algorithm.hasExtra ? Float32Array.of(0) : undefined;
      const contribution = algorithm.contribute({
        checkpoint,
        current: checkpoint,
        delta,
        broadcast,
        kept: kept[index],
        extra,
        weight: device.weight,
        steps: device.steps,
        learningRate,
        lossBefore: (device.a / 2) * (checkpoint[0] - device.b) ** 2,
        staleness: 0,
      });
      sum += contribution.weight * delta[0];
      weight += contribution.weight;
      extras += extra?.[0] ?? 0;
      scalar += contribution.scalars[0] ?? 0;
    }
    const count = devices.length;
    const step = algorithm.apply(
      state,
      checkpoint,
      {
        mean: Float32Array.of(sum / weight),
        weight,
        count,
        extraMean: algorithm.hasExtra ? Float32Array.of(extras / count) : undefined,
        scalars: [scalar],
        fleet: count,
      },
      round,
    );
    state = step.state;
    checkpoint = Float32Array.from(step.checkpoint);
  }
  return checkpoint[0];
}

const rest = (definition: unknown, rounds = 2000, learningRate = 0.05): number =>
  train(algorithmOf(parseAlgorithm(definition)), rounds, learningRate);

test('averaging comes to rest beside the optimum, as the papers say', () => {
  expect(Math.abs(rest('fedavg') - optimum)).toBeGreaterThan(0.1);
});

test('control variates take the drift away', () => {
  expect(rest('scaffold')).toBeCloseTo(optimum, 4);
});

test("a dynamic regularizer makes the devices' optima agree", () => {
  expect(rest({ kind: 'feddyn', alpha: 0.5 })).toBeCloseTo(optimum, 4);
});

test('normalized deltas weigh progress, not steps', () => {
  // To first order in the learning rate: what is left is the curvature over a device's own steps.
  const drift = (kind: string): number => Math.abs(rest(kind, 2000, 0.002) - optimum);
  expect(drift('fednova')).toBeLessThan(drift('fedavg') / 5);
  expect(localProgress(5, 0, 0)).toBe(5);
  // Written out: with momentum ρ a gradient of step k counts (1 - ρ^(τ-k))/(1 - ρ).
  const [tau, rho, pull] = [6, 0.9, 0.1];
  const withMomentum = Array.from({ length: tau }, (_, k) => (1 - rho ** (tau - k)) / (1 - rho));
  expect(localProgress(tau, rho, 0)).toBeCloseTo(
    withMomentum.reduce((a, b) => a + b),
    10,
  );
  const withPull = Array.from({ length: tau }, (_, k) => (1 - pull) ** (tau - 1 - k));
  expect(localProgress(tau, 0, pull)).toBeCloseTo(
    withPull.reduce((a, b) => a + b),
    10,
  );
});

test('a larger q evens out losses', () => {
  const spread = (q: number): number => {
    const w = rest({ kind: 'q-ffl', q });
    const losses = devices.map(({ a, b }) => (a / 2) * (w - b) ** 2);
    return Math.max(...losses) - Math.min(...losses);
  };
  const spreads = [0, 1, 4].map(spread);
  expect(spreads).toEqual([...spreads].sort((a, b) => b - a));
});

test('without staleness, a full buffer is averaging over devices, and a model mixed in moves there', () => {
  const uniform = rest({ kind: 'fedavg', weighting: 'uniform' }, 20);
  expect(rest('fedbuff', 20)).toBeCloseTo(uniform, 6);
  expect(rest({ kind: 'fedasync', mixing: 0.5 }, 400)).toBeCloseTo(
    rest({ kind: 'fedavg', weighting: 'uniform' }),
    4,
  );
});

test('stale updates count less', () => {
  const algorithm = algorithmOf(parseAlgorithm({ kind: 'fedbuff', stalenessExponent: 0.5 }));
  const one = Float32Array.of(1);
  const training = { checkpoint: one, current: one, broadcast: [], kept: [], extra: undefined };
  const numbers = { weight: 5, steps: 1, learningRate: 1, lossBefore: Number.NaN };
  const weigh = (staleness: number): number =>
    algorithm.contribute({ ...training, ...numbers, delta: Float32Array.of(1), staleness }).weight;
  expect([0, 3, 8].map(weigh)).toEqual([1, 1 / 2, 1 / 3]);
});

test('what is not known is refused by name', () => {
  expect(() => parseAlgorithm('fedsgd')).toThrow('unknown strategy "fedsgd"; known are fedavg');
  expect(() => parseAlgorithm({ kind: 'scaffold', rate: 1 })).toThrow('its settings are serverLearningRate');
  expect(() => parseAlgorithm({ kind: 'feddyn', alpha: 0 })).toThrow(
    "feddyn's alpha must be a positive number",
  );
});
