/** Private rounds in which every agent adds its part of the noise: real processes, real masks, nothing to learn but noise. */
import { expect, test } from 'vitest';
import { startFleet } from '../support/index.js';
import { testScope } from '../support/test-scope.js';

const agents = 4;
/** Of 4 agents one may be missing and none colludes: the noise of three is what was paid for. */
const secureAggregation = {
  corruptFraction: 0,
  dropoutFraction: 0.25,
  securityBits: 20,
  keysMs: 1_500,
  answersMs: 2_000,
};
const privacy = { kind: 'distributed', epsilon: 8, delta: 1e-5, clip: 1.5, noise: 2 };

function floats(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

test('what the model moves by is the noise that was paid for, with everyone there and with one missing', {
  timeout: 90_000,
}, async () => {
  const fleet = await startFleet(testScope(), {
    agents,
    hidden: 512,
    overrides: {
      secureAggregation,
      privacy,
      // So little is learned that nothing but noise is left.
      training: { loss: 'softmax-cross-entropy', batchSize: 20, learningRate: 1e-30 },
      cohort: { size: agents, minimum: agents - 1 },
      deadlines: { recruitMs: 3_000, recruitGraceMs: 300, collectMs: 5_000, collectProgressMs: 1_000 },
      stop: { rounds: 3 },
    },
  });
  const { operator, task } = fleet;
  const runId = await operator.start(task, 1);
  let before = floats(
    await operator.download((await operator.getRun(runId)).checkpoint?.sha256 ?? new Uint8Array()),
  );
  const committed: { readonly updates: number; readonly moved: Float32Array; readonly stddev: number }[] = [];
  for await (const event of operator.events(runId)) {
    if (event.kind?.kind !== 'roundCommitted') continue;
    const { updates, checkpoint, privacy: spent } = event.kind.value;
    expect(spent).toMatchObject({ kind: 'distributed', epsilonBudget: 8, clipBound: 1.5 });
    const after = floats(await operator.download(checkpoint?.sha256 ?? new Uint8Array()));
    const earlier = before;
    const moved = after.map((value, i) => (value - earlier[i]) * updates);
    committed.push({ updates, moved, stddev: spent?.noiseStddev ?? 0 });
    before = after;
    if (committed.length === 1) await fleet.agents[3].end('SIGKILL');
  }

  const run = await operator.getRun(runId);
  expect(run.state).toBe('completed');
  expect(run.privacy?.epsilon).toBeLessThanOrEqual(8);
  const ledger = await operator.operations.getPrivacyLedger({ taskName: task.name });
  expect(JSON.parse(ledger.entries[0].mechanismJson)).toMatchObject({ kind: 'skellam', sampling: 1 });

  expect(committed.filter(({ updates }) => updates === agents).length).toBeGreaterThanOrEqual(1);
  expect(committed.some(({ updates }) => updates === agents - 1)).toBe(true);
  for (const { updates, moved, stddev } of committed) {
    const variance = moved.reduce((sum, value) => sum + value * value, 0) / moved.length;
    // What was paid for is the noise of three; 4 100 squares are within 11 % of their mean (6 σ or so).
    const expected = (updates / (agents - 1)) * stddev ** 2;
    expect(Math.abs(variance / expected - 1)).toBeLessThan(0.12);
  }

  // Clipping bound 1.5 and noise of twice the longest rounded update; the lattice adds a little.
  expect(committed[0].stddev / (2 * 1.5)).toBeGreaterThan(1);
  expect(committed[0].stddev / (2 * 1.5)).toBeLessThan(1.05);
});

test('answers to questions carry the noise of the devices, and are paid for', {
  timeout: 60_000,
}, async () => {
  const { operator, task } = await startFleet(testScope(), {
    agents: 3,
    overrides: { secureAggregation, privacy: { ...privacy, epsilon: 2.5, mechanism: 'discrete-gaussian' } },
  });
  await operator.apply(task);
  const statistic = { kind: 'histogram', minimum: -4, maximum: 8, bins: 64 } as const;
  const query = { column: 'reading.1', statistic, valuesMax: 100 };
  const ask = async () => {
    const { runId } = await operator.ask({ taskName: task.name, query, epsilon: 2 });
    return operator.ended(runId);
  };
  const answered = await ask();
  expect(answered).toMatchObject({ state: 'completed', roundsCommitted: 1 });
  const result = JSON.parse(answered.analyticsResultJson) as { readonly counts: readonly number[] };
  const variance = result.counts.reduce((sum, count) => sum + count * count, 0) / result.counts.length;
  // At most 100 values of a device count, in one bin at worst: noise is made for a norm of that, and swamps 180 values.
  expect(Math.sqrt(variance)).toBeGreaterThan(0.6 * (answered.privacy?.noiseStddev ?? 0));
  expect(Math.sqrt(variance)).toBeLessThan(1.5 * (answered.privacy?.noiseStddev ?? 0));
  expect(answered.privacy?.epsilon).toBeGreaterThan(1.9);
  expect(answered.privacy?.epsilon).toBeLessThanOrEqual(2);
  expect(await ask()).toMatchObject({
    state: 'completed',
    roundsCommitted: 0,
    reason: expect.stringContaining('budget is used up'),
  });
});
