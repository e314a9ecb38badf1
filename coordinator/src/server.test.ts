import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect } from 'node:tls';
import { COORDINATOR_NAME } from '@starling/proto';
import { expect, test } from 'vitest';
import { eventsUntil, startFixture, taskJson } from './testing/coordinator-fixture.js';
import { awaitWork, checkInOf, finishWork, takePartUntil } from './testing/scripted-device.js';

async function learn(seed: number): Promise<{ checkpoint: string; kinds: (string | undefined)[] }> {
  const fixture = await startFixture();
  const leaving = new AbortController();
  try {
    await fixture.applyTask(taskJson());
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

test('closing answers held check-ins and tells watchers, and a stopped run stays stopped', async () => {
  const fixture = await startFixture();
  await fixture.applyTask(taskJson());
  const { run } = await fixture.operations.startRun({ taskName: 'toy' });
  const runId = run?.runId ?? '';
  const held = fixture.checkIns.checkIn(checkInOf('a'));
  const watching = eventsUntil(fixture, runId);
  for await (const { event } of fixture.operations.watchRun({ runId, afterSequence: 0 })) {
    if (event?.kind?.kind === 'roundStarted') break;
  }
  for (;;) {
    if ((await fixture.operations.getStatus({})).checkInsHeld === 1) break;
  }
  await Promise.all([
    fixture.coordinator.close(),
    expect(held).resolves.toMatchObject({ directive: { kind: 'comeBack' } }),
    expect(watching).rejects.toMatchObject({ code: 'COORDINATOR_CLOSING', status: 'unavailable' }),
  ]);
  await fixture.close();
});

test('a connection that does not hear that the coordinator closes does not keep it open', async () => {
  const fixture = await startFixture();
  const [host, port] = fixture.address.split(':');
  const socket = connect({
    ...{ servername: COORDINATOR_NAME, ca: fixture.coordinator.authority, ALPNProtocols: ['h2'] },
    // It does not end its side either, where the coordinator ends its own.
    socket: connectTcp({ host, port: Number(port), allowHalfOpen: true }),
  });
  socket.on('error', () => {});
  await once(socket, 'secureConnect');
  // Preface and empty settings (RFC 9113, section 3.4).
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1');
  await once(socket, 'data');
  await fixture.close();
  socket.destroy();
});

test('an operator stops a run: its devices are told, its watchers see the end, and it can be resumed', async () => {
  const fixture = await startFixture();
  try {
    await fixture.applyTask(taskJson({ cohort: { size: 1 } }));
    const { run } = await fixture.operations.startRun({ taskName: 'toy' });
    const runId = run?.runId ?? '';
    const assignment = await awaitWork(fixture, 'a');
    const stopped = await fixture.operations.stopRun({ runId });
    expect(stopped.run).toMatchObject({ state: 'stopped', reason: 'Stopped by an operator.' });
    const events = await eventsUntil(fixture, runId);
    expect(events.map((event) => event.kind?.kind)).toEqual([
      'roundStarted',
      'cohortSelected',
      'roundAbandoned',
      'runEnded',
    ]);
    await expect(finishWork(fixture, 'a', assignment)).rejects.toMatchObject({ code: 'ROUND_ABANDONED' });
    const { round } = assignment;
    const where = await fixture.rounds.getRoundState({ round, deviceId: 'a' });
    expect(where).toMatchObject({ stage: 'abandoned', counted: false });
    await fixture.operations.resumeRun({ runId });
    const again = await awaitWork(fixture, 'a');
    expect(again).toMatchObject({ round: { round: 1, attempt: 2 }, training: assignment.training });
  } finally {
    await fixture.close();
  }
});
