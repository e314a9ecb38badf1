import { expect, test } from 'vitest';
import { eventsUntil, startFixture, taskJson } from './testing/coordinator-fixture.js';
import { takePartUntil } from './testing/scripted-device.js';

async function learn(seed: number): Promise<{ checkpoint: string; kinds: (string | undefined)[] }> {
  const fixture = await startFixture();
  const leaving = new AbortController();
  try {
    await fixture.operations.applyTask({ definitionJson: taskJson() });
    const devices = ['a', 'b', 'c'].map((device) =>
      takePartUntil(fixture, device, leaving.signal).catch((error: unknown) => {
        if (!leaving.signal.aborted) throw error;
      }),
    );
    const { run } = await fixture.operations.startRun({ taskName: 'toy', seed });
    const events = await eventsUntil(fixture, run?.runId ?? '');
    leaving.abort();
    await Promise.all(devices);
    const ended = await fixture.operations.getRun({ runId: run?.runId ?? '' });
    expect(ended.run).toMatchObject({ state: 'completed', roundsCommitted: 2 });
    return {
      checkpoint: Buffer.from(ended.run?.checkpoint?.sha256 ?? []).toString('hex'),
      kinds: events.map((event) => event.kind?.kind),
    };
  } finally {
    leaving.abort();
    await fixture.close();
  }
}

test('devices that check in are given work, and their updates become checkpoints until the run completes', async () => {
  const { kinds } = await learn(7);
  expect(kinds.filter((kind) => kind === 'roundCommitted')).toHaveLength(2);
  expect(kinds.filter((kind) => kind === 'metricsMeasured')).toHaveLength(2);
  expect(kinds.at(0)).toBe('roundStarted');
  expect(kinds.at(-1)).toBe('runEnded');
});

test('the same seed and devices give the same checkpoint bit for bit, another seed gives another', async () => {
  const [first, second, other] = [await learn(1), await learn(1), await learn(2)];
  expect(second.checkpoint).toBe(first.checkpoint);
  expect(other.checkpoint).not.toBe(first.checkpoint);
});
