/** What no agent should send: each message gets a typed error with a clear sentence, and the round goes on. */
import { float32Bytes } from '@starling/federation';
import { type Assignment, requireField, StarlingError, type UploadUpdateRequest } from '@starling/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  eventsUntil,
  type Fixture,
  parameterCount,
  startFixture,
  taskJson,
} from '../testing/coordinator-fixture.js';
import {
  awaitWork,
  checkInOf,
  deltaOf,
  finishWork,
  sha256,
  type UploadChanges,
  uploadMessages,
} from '../testing/scripted-device.js';

const devices = ['a', 'b', 'c'];
let fixture: Fixture;
let runId = '';
let assignments: Assignment[] = [];

beforeAll(async () => {
  fixture = await startFixture();
  await fixture.applyTask(taskJson({ stop: { rounds: 1 } }));
  runId = requireField((await fixture.operations.startRun({ taskName: 'toy', seed: 1 })).run, 'run').runId;
  assignments = await Promise.all(devices.map((device) => awaitWork(fixture, device)));
  await fixture.checkIns.checkIn(checkInOf('outsider', { holdMsMax: 0 }));
});

afterAll(() => fixture.close());

/** The error a call rejects with; its sentences must be sentences. */
async function errorOf(call: Promise<unknown>): Promise<StarlingError> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof StarlingError)) throw error;
    expect(error.message).toMatch(/^[A-Z"0-9].{10,}/);
    expect(error.remedy).toMatch(/^[A-Z].*[.]$/);
    return error;
  }
  throw new Error('the call was accepted');
}

function upload(changes: UploadChanges, device = 'a'): Promise<unknown> {
  return fixture.rounds.uploadUpdate(uploadMessages(assignments[0], device, changes));
}

function withElement(value: number): Uint8Array {
  const delta = deltaOf(assignments[0]);
  delta[5] = value;
  return float32Bytes(delta);
}

test.each<[string, string, () => Promise<unknown>]>([
  [
    'an update that announces the wrong length',
    'UPDATE_LENGTH_MISMATCH',
    () => upload({ payload: new Uint8Array(4 * parameterCount - 4) }),
  ],
  [
    'an update of more bytes than it announced',
    'UPDATE_LENGTH_MISMATCH',
    () => upload({ payload: new Uint8Array(4 * parameterCount + 4), sizeBytes: 4 * parameterCount }),
  ],
  [
    'an update that ends early',
    'UPLOAD_INCOMPLETE',
    () => upload({ payload: new Uint8Array(8), sizeBytes: 4 * parameterCount }),
  ],
  ['a NaN', 'UPDATE_NOT_FINITE', () => upload({ payload: withElement(Number.NaN) })],
  ['an infinity', 'UPDATE_NOT_FINITE', () => upload({ payload: withElement(Number.POSITIVE_INFINITY) })],
  ['a wrong hash', 'UPDATE_HASH_MISMATCH', () => upload({ sha256: sha256(new Uint8Array(1)) })],
  ['a hash of the wrong length', 'HASH_INVALID', () => upload({ sha256: new Uint8Array(31) })],
  [
    'an offset beyond what is held',
    'OFFSET_OUT_OF_RANGE',
    () => upload({ offsetBytes: 64, sha256: sha256(withElement(9)), payload: withElement(9) }),
  ],
  ['no examples', 'EXAMPLE_COUNT_INVALID', () => upload({ exampleCount: 0 })],
  ['an absurd number of examples', 'EXAMPLE_COUNT_INVALID', () => upload({ exampleCount: 2 ** 40 })],
  ['a metric that is not finite', 'METRICS_INVALID', () => upload({ loss: Number.NaN })],
  ['a device that never checked in', 'DEVICE_UNKNOWN', () => upload({}, 'stranger')],
  ['a device outside of the cohort', 'DEVICE_NOT_SELECTED', () => upload({}, 'outsider')],
  ['a device id with a slash', 'DEVICE_IDENTITY_MISMATCH', () => upload({}, '../a')],
  [
    'no header',
    'HEADER_MISSING',
    () => fixture.rounds.uploadUpdate([{ part: { kind: 'chunk', value: new Uint8Array(4) } }]),
  ],
  ['an empty stream', 'HEADER_MISSING', () => fixture.rounds.uploadUpdate([])],
  [
    'a second header',
    'HEADER_REPEATED',
    () => {
      const header = headerOf(assignments[0]);
      return fixture.rounds.uploadUpdate([header, header]);
    },
  ],
  [
    'a chunk that is too large',
    'CHUNK_TOO_LARGE',
    () =>
      fixture.rounds.uploadUpdate([
        headerOf(assignments[0]),
        { part: { kind: 'chunk', value: new Uint8Array(300_000) } },
      ]),
  ],
  [
    'a run that does not exist',
    'RUN_UNKNOWN',
    () => fixture.rounds.getRoundState({ round: { runId: 'nope', round: 1, attempt: 1 }, deviceId: 'a' }),
  ],
  [
    'a round that does not exist',
    'ROUND_UNKNOWN',
    () => fixture.rounds.getRoundState({ round: { runId, round: 9, attempt: 1 }, deviceId: 'a' }),
  ],
  [
    'an attempt that does not exist',
    'ROUND_UNKNOWN',
    () => fixture.rounds.getRoundState({ round: { runId, round: 1, attempt: 2 }, deviceId: 'a' }),
  ],
  [
    'round 0',
    'ROUND_KEY_INVALID',
    () => fixture.rounds.getRoundState({ round: { runId, round: 0, attempt: 1 }, deviceId: 'a' }),
  ],
  ['no round at all', 'FIELD_MISSING', () => fixture.rounds.getRoundState({ deviceId: 'a' })],
  [
    'an evaluation in a training round',
    'WRONG_PURPOSE',
    () =>
      fixture.rounds.reportEvaluation({
        round: assignments[0].round,
        deviceId: 'a',
        metrics: { weight: 1, sums: [] },
      }),
  ],
  [
    'a failure of a device outside of the cohort',
    'DEVICE_NOT_SELECTED',
    () =>
      fixture.rounds.reportFailure({
        round: assignments[0].round,
        deviceId: 'outsider',
        reason: 'plan',
        message: '',
      }),
  ],
  [
    'a revision that is too old',
    'PROTOCOL_UNSUPPORTED',
    () => fixture.checkIns.checkIn(checkInOf('old', { protocolRevision: 0 })),
  ],
  [
    'an agent without the runtime',
    'CAPABILITY_MISSING',
    () =>
      fixture.checkIns.checkIn(
        checkInOf('weak', {
          capabilities: { agentVersion: '1', runtimes: [], onnxOpset: 21, memoryBytes: 0 },
        }),
      ),
  ],
  [
    'an agent whose runtime is too old',
    'CAPABILITY_MISSING',
    () =>
      fixture.checkIns.checkIn(
        checkInOf('weak', {
          capabilities: { agentVersion: '1', runtimes: ['onnxruntime'], onnxOpset: 7, memoryBytes: 0 },
        }),
      ),
  ],
  [
    'a check-in without tasks',
    'NO_TASKS',
    () => fixture.checkIns.checkIn(checkInOf('idle', { taskNames: [] })),
  ],
  [
    'a check-in with too many tasks',
    'CHECK_IN_TOO_LARGE',
    () => fixture.checkIns.checkIn(checkInOf('greedy', { taskNames: new Array(65).fill('toy') })),
  ],
  [
    'an artifact that does not exist',
    'ARTIFACT_UNKNOWN',
    () => fixture.artifacts.getArtifact({ sha256: sha256(new Uint8Array(3)) }),
  ],
  ['a task that is not JSON', 'TASK_INVALID', () => fixture.operations.applyTask({ definitionJson: '{' })],
  [
    'a run of a task that does not exist',
    'TASK_UNKNOWN',
    () => fixture.operations.startRun({ taskName: 'nope' }),
  ],
  [
    'a checkpoint that does not exist',
    'CHECKPOINT_UNKNOWN',
    () => fixture.operations.exportModel({ runId, round: 7 }),
  ],
  ['a run that is running, resumed', 'RUN_RUNNING', () => fixture.operations.resumeRun({ runId })],
])('refuses %s with %s', async (_, code, call) => {
  expect((await errorOf(call())).code).toBe(code);
});

test('refuses bytes that are no message, and messages that are too large', async () => {
  const connection = await fixture.deviceConnection('a');
  const send = (bytes: Buffer) => errorOf(connection.unary('/starling.v1.CheckInService/CheckIn', bytes, {}));
  const malformed = await send(Buffer.from([0x0a, 0x7f, 0x01]));
  expect(malformed.message).toMatch(/is not a valid starling.v1.CheckInRequest/);
  const oversized = await send(Buffer.alloc(2 * 1024 * 1024));
  expect(oversized.message).toMatch(/larger than max/);
});

test('the round goes on, a repeated update is one update, and a late one is told so', async () => {
  expect(await finishWork(fixture, 'a', assignments[0])).toBe(true);
  expect(await finishWork(fixture, 'a', assignments[0])).toBe(false);
  const half = [...uploadMessages(assignments[1], 'b')].slice(0, 3);
  expect((await errorOf(fixture.rounds.uploadUpdate(half))).code).toBe('UPLOAD_INCOMPLETE');
  const state = await fixture.rounds.getUpload({
    round: assignments[1].round,
    deviceId: 'b',
    sha256: sha256(float32Bytes(deltaOf(assignments[1]))),
  });
  expect(state).toEqual({ receivedBytes: 32, counted: false });
  const rest = uploadMessages(assignments[1], 'b', { offsetBytes: state.receivedBytes });
  expect((await fixture.rounds.uploadUpdate(rest)).newlyCounted).toBe(true);
  expect(await finishWork(fixture, 'c', assignments[2])).toBe(true);
  const events = await eventsUntil(fixture, runId);
  expect(events.filter((event) => event.kind?.kind === 'roundCommitted')).toHaveLength(1);
  const committed = events.find((event) => event.kind?.kind === 'roundCommitted')?.kind;
  expect(committed?.kind === 'roundCommitted' && committed.value).toMatchObject({
    updates: 3,
    bytesUploaded: 3 * 4 * parameterCount,
  });
  expect(await finishWork(fixture, 'c', assignments[2])).toBe(false);
  const late = await errorOf(fixture.rounds.uploadUpdate(uploadMessages(assignments[0], 'outsider')));
  expect(late.code).toBe('DEVICE_NOT_SELECTED');
  const where = await fixture.rounds.getRoundState({ round: assignments[2].round, deviceId: 'c' });
  expect(where).toMatchObject({ stage: 'committed', selected: true, counted: true });
});

function headerOf(assignment: Assignment): UploadUpdateRequest {
  for (const message of uploadMessages(assignment, 'a')) return message;
  throw new Error('an upload begins with its header');
}
