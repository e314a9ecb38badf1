/** What fast mode computes is what the real coordinator and agents arrive at. */
import { expect, test } from 'vitest';
import { simulate } from '../simulation/simulate.js';
import { smallScenario } from '../testing/small-scenario.js';

const few = { partition: { kind: 'iid', clients: 8 }, cohort: { size: 4 }, stop: { rounds: 2 } };

test.each([
  ['federated averaging', {}],
  ['a step of the server’s own', { strategy: 'fedadam' }],
  ['a robust aggregate', { strategy: { kind: 'fedavg', aggregation: 'median' } }],
])('both modes give the same model, bit for bit: %s', async (_, changes) => {
  const scenario = smallScenario({ ...few, ...changes });
  const fast = await simulate(scenario, { workers: 1 });
  const protocol = await simulate({ ...scenario, mode: 'protocol' });
  expect(protocol.records.map(({ updates }) => updates)).toEqual([4, 4]);
  expect(protocol.checkpoint).toBe(fast.checkpoint);
});

test('under masks both give the same model up to the steps that updates are rounded to', async () => {
  const clipNorm = 2;
  const bits = 16;
  const scenario = smallScenario({ ...few, secureAggregation: { bits, clipNorm } });
  const fast = await simulate(scenario, { workers: 1 });
  const protocol = await simulate(scenario, { mode: 'protocol' });
  const plain = await simulate(smallScenario(few), { workers: 1 });
  const apart = (other: Float32Array): number =>
    protocol.parameters.reduce((most, value, i) => Math.max(most, Math.abs(value - other[i])), 0);
  // Each round rounds each element of the mean by less than a step of the encoding, and so does each mode.
  const step = (2 * clipNorm) / 2 ** (bits - 1);
  expect(apart(fast.parameters)).toBeLessThan(2 * 2 * step);
  expect(apart(plain.parameters)).toBeLessThan(2 * step);
  expect(apart(protocol.parameters.map(() => 0))).toBeGreaterThan(100 * step);
});

test('the same scenario gives the same run again, and other rounds are refused by the key that asks for them', async () => {
  const scenario = smallScenario({ ...few, secureAggregation: { bits: 12, clipNorm: 2 } });
  const first = await simulate(scenario, { mode: 'protocol' });
  expect(await simulate(scenario, { mode: 'protocol' })).toEqual(first);
  await expect(simulate(smallScenario({ strategy: 'scaffold' }), { mode: 'protocol' })).rejects.toMatchObject(
    {
      code: 'simulation/scenario',
      message: expect.stringMatching(/strategy.*scaffold/s),
    },
  );
});
