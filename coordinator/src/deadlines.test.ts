/** Deadlines over real gRPC under a virtual clock: time passes only when the test says so. */
import { createVirtualClock, float32Bytes, type VirtualClock } from '@starling/federation';
import { type RunEvent, requireField, type UploadUpdateRequest } from '@starling/proto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { eventsUntil, type Fixture, startFixture, taskJson } from './testing/coordinator-fixture.js';
import { awaitWork, deltaOf, finishWork, sha256, uploadMessages } from './testing/scripted-device.js';

let clock: VirtualClock;
let fixture: Fixture;

beforeEach(async () => {
  clock = createVirtualClock(1_700_000_000_000);
  fixture = await startFixture({ clock });
});

afterEach(() => fixture.close());

async function start(task: Readonly<Record<string, unknown>>): Promise<string> {
  await fixture.operations.applyTask({ definitionJson: taskJson(task) });
  return requireField((await fixture.operations.startRun({ taskName: 'toy', seed: 1 })).run, 'run').runId;
}

/** Lets `stepMs` pass after each answer of the coordinator, until `awaited` is settled. */
async function passTimeUntil<T>(awaited: Promise<T>, stepMs: number): Promise<T> {
  let settled = false;
  const watched = awaited.finally(() => {
    settled = true;
  });
  for (let steps = 0; !settled; steps += 1) {
    if (steps > 1000) throw new Error('the coordinator let 1000 steps pass');
    clock.advance(stepMs);
    await fixture.operations.getStatus({});
  }
  return watched;
}

function abandonments(events: readonly RunEvent[]): string[] {
  return events.flatMap(({ kind }) => (kind?.kind === 'roundAbandoned' ? [kind.value.reason] : []));
}

test('a run that no device joins is tried as often as the task says, and then fails with the reason', async () => {
  const runId = await start({ attempts: 2 });
  const events = await passTimeUntil(eventsUntil(fixture, runId), 20_000);
  expect(abandonments(events)).toEqual([
    `0 of at least 3 devices checked in within 60 s.`,
    `0 of at least 3 devices checked in within 60 s.`,
  ]);
  const { run } = await fixture.operations.getRun({ runId });
  expect(run).toMatchObject({ state: 'failed', roundsCommitted: 0 });
  expect(run?.reason).toMatch(/^2 attempts in a row were abandoned. The last: 0 of at least 3/);
});

test('stragglers are cut off at the deadline, and what they send later is refused with a sentence', async () => {
  const runId = await start({ cohort: { size: 3, minimum: 2 }, stop: { rounds: 1 } });
  const assignments = await Promise.all(['a', 'b', 'slow'].map((device) => awaitWork(fixture, device)));
  expect(assignments[0].deadlineMs).toBe(120_000);
  await finishWork(fixture, 'a', assignments[0]);
  await finishWork(fixture, 'b', assignments[1]);
  const events = await passTimeUntil(eventsUntil(fixture, runId), 30_000);
  const committed = events.flatMap(({ kind }) => (kind?.kind === 'roundCommitted' ? [kind.value] : []));
  expect(committed).toMatchObject([{ updates: 2 }]);
  const late = fixture.rounds.uploadUpdate(uploadMessages(assignments[2], 'slow'));
  await expect(late).rejects.toMatchObject({ code: 'ROUND_CLOSED', status: 'failed-precondition' });
});

test('a round without its quorum at the deadline is abandoned and tried again with the same seeds', async () => {
  const runId = await start({ attempts: 2, stop: { rounds: 1 } });
  const first = await Promise.all(['a', 'b', 'c'].map((device) => awaitWork(fixture, device)));
  await finishWork(fixture, 'a', first[0]);
  const abandoned = eventsUntil(fixture, runId, (event) => event.kind?.kind === 'roundAbandoned');
  const events = await passTimeUntil(abandoned, 30_000);
  expect(abandonments(events)[0]).toMatch(/1 of at least 3 updates had arrived when the deadline passed/);
  const second = await Promise.all(['a', 'b', 'c'].map((device) => awaitWork(fixture, device)));
  expect(second.map(({ training }) => training?.seed)).toEqual(first.map(({ training }) => training?.seed));
  expect(second[0].round).toEqual({ runId, round: 1, attempt: 2 });
  for (const [index, device] of ['a', 'b', 'c'].entries()) await finishWork(fixture, device, second[index]);
  await eventsUntil(fixture, runId);
  expect((await fixture.operations.getRun({ runId })).run).toMatchObject({ state: 'completed' });
});

test('a held check-in is answered when its time is up', async () => {
  const held = fixture.checkIns.checkIn({
    deviceId: 'a',
    protocolRevision: 1,
    capabilities: { agentVersion: '1', runtimes: ['onnxruntime'], onnxOpset: 21, memoryBytes: 0 },
    taskNames: ['toy'],
    holdMsMax: 45_000,
  });
  const { directive } = await passTimeUntil(held, 9_000);
  expect(directive).toMatchObject({
    kind: 'comeBack',
    value: { reason: 'There is no task named toy here yet.' },
  });
});

test('an upload that falls silent is ended, and goes on from what is held', async () => {
  const runId = await start({
    cohort: { size: 1 },
    stop: { rounds: 1 },
    deadlines: { collectMs: 3_600_000, collectMaxMs: 3_600_000 },
  });
  const assignment = await awaitWork(fixture, 'a');
  let goOn = (): void => undefined;
  const silence = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  async function* silent(): AsyncGenerator<UploadUpdateRequest> {
    yield* [...uploadMessages(assignment, 'a')].slice(0, 3);
    await silence;
  }
  const stalled = expect(fixture.rounds.uploadUpdate(silent())).rejects.toMatchObject({
    code: 'UPLOAD_STALLED',
    status: 'aborted',
  });
  await passTimeUntil(stalled, 10_000);
  goOn();
  const name = { round: assignment.round, deviceId: 'a', sha256: sha256(float32Bytes(deltaOf(assignment))) };
  const { receivedBytes } = await fixture.rounds.getUpload(name);
  await fixture.rounds.uploadUpdate(uploadMessages(assignment, 'a', { offsetBytes: receivedBytes }));
  await eventsUntil(fixture, runId);
  expect((await fixture.operations.getRun({ runId })).run).toMatchObject({ state: 'completed' });
});
