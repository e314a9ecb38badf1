/** Fast mode computes what aggregation would yield: against the real encoders, one update after the other. */

import { onnxruntimeTraining } from '@starling/engine';
import {
  createAccumulator,
  createSeededEntropy,
  decodeSum,
  decodeUpdate,
  encodeContribution,
  encodeUpdate,
  float32Encoding,
  foldDelta,
  foldUpdate,
  mean,
  type UpdateEncoding,
} from '@starling/federation';
import { expect, test } from 'vitest';
import { fleetReader } from '../data/fleet.js';
import { drawClients } from '../devices/index.js';
import { readScenario } from '../scenario/index.js';
import { deriveSeed, purposes } from '../seeds.js';
import { smallScenario } from '../testing/small-scenario.js';
import { prepare } from './prepare.js';
import { simulateRounds } from './simulation.js';

async function firstCheckpoint(changes: Readonly<Record<string, unknown>>): Promise<Float32Array> {
  const prepared = await prepare(readScenario(smallScenario({ ...changes, stop: { rounds: 1 } }), '/'));
  for await (const { state } of simulateRounds(prepared, { workers: 2 })) {
    return Float32Array.from(state.checkpoints[0].parameters);
  }
  throw new Error('no round was made');
}

/** The deltas of the first round, trained one by one without the simulator's workers. */
async function deltasOfFirstRound(changes: Readonly<Record<string, unknown>>) {
  const prepared = await prepare(readScenario(smallScenario(changes), '/'));
  const { fleet, plan, initial, local, clients, cohort } = prepared;
  const session = await onnxruntimeTraining.load(plan);
  const reader = fleetReader(fleet);
  const trained = [];
  for (const client of drawClients(clients, cohort, deriveSeed(7, purposes.cohort, 0))) {
    const examples = reader.training(client, 0);
    const seed = deriveSeed(7, purposes.training, 0, client);
    const result = await session.train({ parameters: initial, examples, epochs: 1, learningRate: 0.1, seed });
    trained.push({ client, weight: examples.count, ...result });
  }
  await session.release();
  return { trained, initial, local };
}

const moved = (initial: Float32Array, by: Float32Array): Float32Array =>
  initial.map((value, i) => value + by[i]);

test.each(['float32', 'stochastic-quantization'])('%s updates', async (encoding) => {
  const { trained, initial, local } = await deltasOfFirstRound({ encoding });
  const settings: UpdateEncoding = local.encoding;
  const sum = createAccumulator(initial.length);
  for (const { client, delta, weight } of trained) {
    const chance = createSeededEntropy(7).fork(`rounding 0 ${client}`);
    foldUpdate(sum, encodeUpdate(delta, settings, chance), settings, weight);
  }
  expect(await firstCheckpoint({ encoding })).toEqual(moved(initial, mean(sum)));
});

test('a robust aggregate is of what arrives, not of what was sent', async () => {
  const aggregation = 'median';
  const changes = { encoding: 'stochastic-quantization', strategy: { kind: 'fedavg', aggregation } };
  const { trained, initial, local } = await deltasOfFirstRound(changes);
  const arrived = trained.map(({ client, delta }) => {
    const chance = createSeededEntropy(7).fork(`rounding 0 ${client}`);
    const payload = encodeUpdate(delta, local.encoding, chance);
    const decoded = new Float32Array(delta.length);
    decodeUpdate(payload, local.encoding, decoded);
    return decoded;
  });
  const median = initial.map((_, i) => {
    const values = arrived.map((delta) => delta[i]).sort((a, b) => a - b);
    return (values[4] + values[5]) / 2;
  });
  expect(trained).toHaveLength(10);
  const found = await firstCheckpoint(changes);
  for (const [i, value] of moved(initial, median).entries()) expect(found[i]).toBeCloseTo(value, 6);
});

test('masked updates', async () => {
  const changes = { secureAggregation: { bits: 12, clipNorm: 0.5 } };
  const { trained, initial, local } = await deltasOfFirstRound(changes);
  const { layout } = local;
  if (layout === undefined) throw new Error('masked updates have a layout');
  const rotationSeed = createSeededEntropy(7).fork('rotation 0').bytes(32);
  const total = new Uint32Array(layout.vectorLength);
  for (const { client, delta, weight, metrics } of trained) {
    const rounding = createSeededEntropy(7).fork(`rounding 0 ${client}`);
    const contribution = { delta, weight, metrics: metrics.sums };
    const { vector } = encodeContribution(layout, contribution, { rotationSeed, rounding });
    for (let i = 0; i < total.length; i += 1) total[i] = (total[i] + vector[i]) & (2 ** layout.ringBits - 1);
  }
  const decoded = decodeSum(layout, total, trained.length, rotationSeed);
  expect(await firstCheckpoint(changes)).toEqual(moved(initial, decoded.mean));
});

test('a delta folded directly is its float32 form folded', () => {
  const delta = Float32Array.from({ length: 1003 }, (_, index) => Math.sin(index));
  const [direct, encoded] = [createAccumulator(1003), createAccumulator(1003)];
  foldDelta(direct, delta, 3.7);
  foldUpdate(encoded, encodeUpdate(delta, float32Encoding, createSeededEntropy(1)), float32Encoding, 3.7);
  expect(direct).toEqual(encoded);
  expect(() => foldDelta(direct, Float32Array.of(...delta.slice(1), Number.NaN), 1)).toThrow('NaN');
});
