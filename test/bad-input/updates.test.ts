/** One round over real gRPC in which everything wrong is sent that can be sent, and which commits all the same. */
import { type Assignment, StarlingError, type UpdateHeader, type UploadUpdateRequest } from '@starling/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  coordinatorFolder,
  createDevice,
  createOperator,
  createScope,
  type Device,
  headerOf,
  type Operator,
  payloadOf,
  sha256,
  smallTask,
  startCoordinatorProcess,
  temporaryFolder,
  uploadOf,
} from '../support/index.js';
import { rawStream, rawUnary } from './raw-calls.js';

const scope = createScope();
const hidden = 16;
const parameterCount = 8 * hidden + 3;
let operator: Operator;
let runId: string;
let devices: readonly Device[];
let assignments: readonly Assignment[];
/** In the cohort of nothing. */
let bystander: Device;
/** Enrolled, and never checked in. */
let stranger: Device;

/** What device `index` would contribute if all were well. */
function goodDelta(index: number): Float32Array {
  return Float32Array.from({ length: parameterCount }, (_, i) => ((i + 7 * index) % 11) / 64);
}

beforeAll(async () => {
  const folder = await temporaryFolder(scope, 'bad-input');
  const coordinator = await startCoordinatorProcess(scope, { folder: coordinatorFolder(folder) });
  operator = await createOperator(scope, coordinator);
  const task = smallTask({ agents: 3, hidden, rounds: 1 });
  devices = await Promise.all(
    ['a', 'b', 'c'].map((deviceId) => createDevice(scope, coordinator, deviceId, task.name)),
  );
  bystander = await createDevice(scope, coordinator, 'bystander', task.name);
  stranger = await createDevice(scope, coordinator, 'stranger', task.name);
  runId = await operator.start(task, 1);
  assignments = await Promise.all(devices.map((device) => device.work()));
  await bystander.checkIns.checkIn({
    deviceId: 'bystander',
    protocolRevision: 1,
    capabilities: { agentVersion: '0.1.0', runtimes: ['onnxruntime'], onnxOpset: 21, memoryBytes: 0 },
    taskNames: [task.name],
    holdMsMax: 0,
  });
});

afterAll(() => scope.close());

async function refusalOf(call: Promise<unknown>): Promise<StarlingError> {
  const outcome = await call.then(
    () => new Error('the call was answered as if nothing were wrong'),
    (error: unknown) => error,
  );
  if (!(outcome instanceof StarlingError)) throw outcome;
  return outcome;
}

function expectClear({ message, remedy }: { readonly message: string; readonly remedy: string }): void {
  expect(message).toMatch(/^\S.{15,}/s);
  expect(remedy).toMatch(/^[A-Z].{8,}\.$/s);
}

interface BadUpload {
  readonly code: string;
  readonly what: string;
  readonly sender?: () => Device;
  readonly changes?: Partial<UpdateHeader>;
  readonly payload?: () => Uint8Array;
  readonly messages?: (header: UpdateHeader, payload: Uint8Array) => Iterable<UploadUpdateRequest>;
}

function withElement(index: number, value: number): () => Uint8Array {
  return () => {
    const delta = goodDelta(2);
    delta[index] = value;
    return payloadOf(delta);
  };
}

const good = (): Uint8Array => payloadOf(goodDelta(2));
const chunk = (value: Uint8Array): UploadUpdateRequest => ({ part: { kind: 'chunk', value } });

const badUploads: readonly BadUpload[] = [
  {
    code: 'UPDATE_LENGTH_MISMATCH',
    what: 'an update of another model',
    payload: () => payloadOf(new Float32Array(parameterCount - 1)),
  },
  {
    code: 'UPDATE_LENGTH_MISMATCH',
    what: 'an update longer than announced',
    messages: (header, payload) => [...uploadOf(header, payload), chunk(new Uint8Array(4))],
  },
  {
    code: 'UPLOAD_INCOMPLETE',
    what: 'an update that ends too early',
    messages: (header, payload) => [...uploadOf(header, payload.subarray(0, 100))],
  },
  { code: 'UPDATE_NOT_FINITE', what: 'NaN in the first element', payload: withElement(0, Number.NaN) },
  {
    code: 'UPDATE_NOT_FINITE',
    what: 'Infinity in the last element',
    payload: withElement(parameterCount - 1, Number.POSITIVE_INFINITY),
  },
  {
    code: 'UPDATE_NOT_FINITE',
    what: 'minus Infinity in between',
    payload: withElement(70, Number.NEGATIVE_INFINITY),
  },
  {
    code: 'UPDATE_HASH_MISMATCH',
    what: 'a hash of something else',
    changes: { sha256: sha256(new Uint8Array(1)) },
  },
  { code: 'HASH_INVALID', what: 'a hash of 31 bytes', changes: { sha256: new Uint8Array(31) } },
  { code: 'OFFSET_OUT_OF_RANGE', what: 'an offset nobody agreed on', changes: { offsetBytes: 400 } },
  { code: 'EXAMPLE_COUNT_INVALID', what: 'no examples', changes: { exampleCount: 0 } },
  { code: 'EXAMPLE_COUNT_INVALID', what: 'examples without end', changes: { exampleCount: 2 ** 40 } },
  {
    code: 'METRICS_INVALID',
    what: 'a metric that is not a number',
    changes: { metrics: { weight: 10, sums: [{ name: 'loss', sum: Number.NaN }] } },
  },
  {
    code: 'METRICS_INVALID',
    what: 'a metric nobody knows',
    changes: { metrics: { weight: 10, sums: [{ name: 'charm', sum: 1 }] } },
  },
  { code: 'DEVICE_UNKNOWN', what: 'a device that never checked in', sender: () => stranger },
  { code: 'DEVICE_NOT_SELECTED', what: 'a device of another cohort', sender: () => bystander },
  {
    code: 'DEVICE_IDENTITY_MISMATCH',
    what: 'an update in the name of another device',
    changes: { deviceId: 'bystander' },
  },
  { code: 'DEVICE_IDENTITY_MISMATCH', what: 'a device id that is a path', changes: { deviceId: '../c' } },
  { code: 'HEADER_MISSING', what: 'chunks without a header', messages: (_, payload) => [chunk(payload)] },
  { code: 'HEADER_MISSING', what: 'nothing at all', messages: () => [] },
  {
    code: 'HEADER_REPEATED',
    what: 'two headers',
    messages: (header) => [...uploadOf(header, new Uint8Array(0)), ...uploadOf(header, new Uint8Array(0))],
  },
  {
    code: 'CHUNK_TOO_LARGE',
    what: 'a chunk of more than 256 KiB',
    messages: (header) => [...uploadOf(header, new Uint8Array(0)), chunk(new Uint8Array(300 * 1024))],
  },
  {
    code: 'MESSAGE_TOO_LARGE',
    what: 'a message of 2 MiB',
    messages: (header) => [...uploadOf(header, new Uint8Array(0)), chunk(new Uint8Array(2 ** 21))],
  },
];

test.each(badUploads)('$what is refused as $code', async ({ code, changes, payload = good, ...bad }) => {
  const { messages, sender = () => devices[2] } = bad;
  const header = headerOf(assignments[2], sender().deviceId, payload(), changes);
  const error = await refusalOf(
    sender().upload(messages?.(header, payload()) ?? uploadOf(header, payload())),
  );
  expect(error.code).toBe(code);
  expectClear(error);
});

test('an update for a run, round or attempt that is not there is refused', async () => {
  const key = { runId, round: 1, attempt: 1 };
  for (const [code, round] of [
    ['RUN_UNKNOWN', { ...key, runId: 'nothing' }],
    ['RUN_ID_INVALID', { ...key, runId: '../../etc' }],
    ['ROUND_UNKNOWN', { ...key, round: 2 }],
    ['ROUND_UNKNOWN', { ...key, attempt: 9 }],
    ['ROUND_KEY_INVALID', { ...key, round: 0 }],
  ] as const) {
    const error = await refusalOf(
      devices[2].upload(uploadOf(headerOf(assignments[2], 'c', good(), { round }), good())),
    );
    expect(error.code).toBe(code);
    expectClear(error);
  }
});

test('what is not a message, and what no round asked for, is refused', async () => {
  const { connection } = devices[2];
  const garbage = Buffer.from('0fffffffffffffffffff', 'hex');
  const details = [
    await rawUnary(connection, '/starling.v1.CheckInService/CheckIn', garbage),
    await rawStream(connection, '/starling.v1.RoundService/UploadUpdate', [garbage]),
    await rawUnary(connection, '/starling.v1.OperationsService/StartRun', garbage),
  ];
  expect(details.map(({ code }) => code)).toEqual([
    'MALFORMED_MESSAGE',
    'MALFORMED_MESSAGE',
    // Nobody reads what comes from somebody who may not send it.
    'UNAUTHENTICATED',
  ]);
  for (const detail of details) expectClear(detail);

  const round = { runId, round: 1, attempt: 1 };
  const metrics = { weight: 1, sums: [] };
  const wrong = await refusalOf(devices[2].rounds.reportEvaluation({ round, deviceId: 'c', metrics }));
  expect(wrong.code).toBe('WRONG_PURPOSE');
  expectClear(wrong);
  const unasked = await refusalOf(devices[2].download({ sha256: new Uint8Array(32), sizeBytes: 1 }));
  expect(unasked.code).toBe('ARTIFACT_UNKNOWN');
  expectClear(unasked);
});

test('operators get the same treatment', async () => {
  const { operations } = operator;
  for (const [code, call] of [
    ['TASK_INVALID', () => operations.applyTask({ definitionJson: '{"name":' })],
    ['TASK_INVALID', () => operations.applyTask({ definitionJson: '{"name":"x","modle":{}}' })],
    ['TASK_UNKNOWN', () => operations.startRun({ taskName: 'nothing' })],
    ['RUN_UNKNOWN', () => operations.stopRun({ runId: 'nothing' })],
    ['CHECKPOINT_UNKNOWN', () => operations.exportModel({ runId, round: 77 })],
    ['MESSAGE_TOO_LARGE', () => operations.applyTask({ definitionJson: ' '.repeat(2 ** 21) })],
  ] as const) {
    const error = await refusalOf(call());
    expect(error.code).toBe(code);
    expectClear(error);
  }
});

test('an agent of another protocol, or without what the plan needs, is told so', async () => {
  const visitor = {
    deviceId: 'bystander',
    protocolRevision: 1,
    capabilities: { agentVersion: '9', runtimes: ['onnxruntime'], onnxOpset: 21, memoryBytes: 0 },
    taskNames: ['kinds'],
    holdMsMax: 0,
  };
  const { checkIns } = bystander;
  for (const [code, changes] of [
    ['PROTOCOL_UNSUPPORTED', { protocolRevision: 0 }],
    ['CAPABILITY_MISSING', { capabilities: { ...visitor.capabilities, runtimes: ['abacus'] } }],
    ['CAPABILITY_MISSING', { capabilities: { ...visitor.capabilities, onnxOpset: 1 } }],
    ['NO_TASKS', { taskNames: [] }],
    ['DEVICE_IDENTITY_MISMATCH', { deviceId: '' }],
  ] as const) {
    const error = await refusalOf(checkIns.checkIn({ ...visitor, ...changes }));
    expect(error.code).toBe(code);
    expectClear(error);
  }
});

test('after all that, each device counts once and the round commits their mean', async () => {
  const send = async (index: number, delta: Float32Array) => {
    const payload = payloadOf(delta);
    const header = headerOf(assignments[index], devices[index].deviceId, payload, {
      exampleCount: 10 * (index + 1),
    });
    return (await devices[index].upload(uploadOf(header, payload))).newlyCounted;
  };
  expect(await send(0, goodDelta(0))).toBe(true);
  // The same again, and something else instead: neither counts.
  expect(await send(0, goodDelta(0))).toBe(false);
  expect(await send(0, goodDelta(5))).toBe(false);
  expect(await Promise.all([send(1, goodDelta(1)), send(2, goodDelta(2))])).toEqual([true, true]);
  const run = await operator.ended(runId);
  expect(run).toMatchObject({ state: 'completed', roundsCommitted: 1 });
  expect(await send(2, goodDelta(2))).toBe(false);

  const start = await devices[0].parameters(assignments[0]);
  const end = await devices[0].parameters({ ...assignments[0], checkpoint: run.checkpoint });
  // Weights 10, 20 and 30.
  const deltas = [0, 1, 2].map(goodDelta);
  end.forEach((value, i) => {
    const mean = (10 * deltas[0][i] + 20 * deltas[1][i] + 30 * deltas[2][i]) / 60;
    expect(Math.abs(value - (start[i] + mean))).toBeLessThan(1e-6);
  });
});
