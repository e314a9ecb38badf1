import fc from 'fast-check';
import protobuf from 'protobufjs';
import { expect, test } from 'vitest';
import { loadSchema } from '../scripts/load-schema.mjs';
import {
  CheckInRequest,
  DownloadArtifactResponse,
  decodeMessage,
  encodeMessage,
  GetRoundStateResponse,
  Metric,
  RunEvent,
  StartRunRequest,
  Task,
  UpdateHeader,
  UploadUpdateRequest,
} from './index.js';

const header: UpdateHeader = {
  round: { runId: 'run-1', round: 3, attempt: 1 },
  deviceId: 'd-1',
  sizeBytes: 796_840,
  sha256: new Uint8Array(32).fill(7),
  offsetBytes: 0,
  exampleCount: 6000,
  metrics: { weight: 6000, sums: [{ name: 'loss', sum: -0.5 }] },
  trainingMs: 250,
};

// An independent oracle: protobufjs' own reflection over the same schema.
const schema = loadSchema(new URL('..', import.meta.url).pathname, [
  'starling/v1/check_in.proto',
  'starling/v1/operations.proto',
  'starling/v1/error.proto',
]);

function viaReflection(type: string, data: Uint8Array): Record<string, unknown> {
  const found: protobuf.Type = schema.lookupType(`starling.v1.${type}`);
  return found.toObject(found.decode(data), { longs: Number, enums: Number, defaults: true, arrays: true });
}

test('what is written, protobufjs reads', () => {
  const read = viaReflection('UpdateHeader', encodeMessage(UpdateHeader, header));
  expect(read).toMatchObject({
    deviceId: 'd-1',
    sizeBytes: 796_840,
    exampleCount: 6000,
    round: { runId: 'run-1', round: 3, attempt: 1 },
    metrics: { weight: 6000, sums: [{ name: 'loss', sum: -0.5 }] },
  });
});

test('what protobufjs writes, is read', () => {
  const type = schema.lookupType('starling.v1.RunEvent');
  const data = type
    .encode({
      sequence: 9,
      atMs: 1_700_000_000_000,
      deviceFailed: { deviceId: 'd', reason: 4, message: 'm' },
    })
    .finish();
  expect(decodeMessage(RunEvent, data)).toEqual({
    sequence: 9,
    atMs: 1_700_000_000_000,
    kind: {
      kind: 'deviceFailed',
      value: { round: undefined, deviceId: 'd', reason: 'interrupted', message: 'm' },
    },
  });
});

test('messages come back as they were', () => {
  const text = fc.string({ unit: 'grapheme' });
  const arbitrary = fc.record({
    deviceId: text,
    protocolRevision: fc.nat(),
    capabilities: fc.option(
      fc.record({
        agentVersion: text,
        runtimes: fc.array(text),
        onnxOpset: fc.integer({ min: 0, max: 0xffff_ffff }),
        memoryBytes: fc.maxSafeNat(),
      }),
      { nil: undefined },
    ),
    taskNames: fc.array(text),
    holdMsMax: fc.nat(),
  });
  fc.assert(
    fc.property(arbitrary, (message) => {
      expect(decodeMessage(CheckInRequest, encodeMessage(CheckInRequest, message))).toEqual(message);
    }),
  );
});

test('a double arrives bit for bit, minus zero and NaN too', () => {
  for (const value of [-0, Number.NaN, 5e-324, Number.POSITIVE_INFINITY, 1 / 3]) {
    const metric: Metric = { name: 'loss', value, source: 'central', weight: 1 };
    expect(decodeMessage(Metric, encodeMessage(Metric, metric)).value).toBe(value);
  }
});

test('an optional field that is 0 is not one that is absent', () => {
  const zero = decodeMessage(StartRunRequest, encodeMessage(StartRunRequest, { taskName: 't', seed: 0 }));
  expect(zero).toEqual({ taskName: 't', seed: 0, rounds: undefined });
});

test('64-bit integers are numbers up to 2^53 - 1, and refused beyond', () => {
  const task = (updatedAtMs: number): Task => ({
    name: 't',
    version: 1,
    definitionJson: '{}',
    updatedAtMs,
    parameterCount: 0,
  });
  const most = Number.MAX_SAFE_INTEGER;
  expect(decodeMessage(Task, encodeMessage(Task, task(most))).updatedAtMs).toBe(most);
  expect(() => encodeMessage(Task, task(most + 1))).toThrow(RangeError);
  expect(() => encodeMessage(Task, task(-1))).toThrow(RangeError);
  expect(() => encodeMessage(Task, task(0.5))).toThrow(RangeError);
  const tooMuch = protobuf.Writer.create().uint32(32).uint64('9007199254740992').finish();
  expect(() => decodeMessage(Task, tooMuch)).toThrow('more than 2^53 - 1');
});

test('32-bit integers that do not fit are refused, not wrapped', () => {
  const message = { taskName: 't', seed: 2 ** 32 };
  expect(() => encodeMessage(StartRunRequest, message)).toThrow('does not fit a uint32');
  expect(() => encodeMessage(StartRunRequest, { taskName: 't', rounds: -1 })).toThrow(
    'does not fit a uint32',
  );
});

test('bytes are views of what was received, not copies', () => {
  const data = Buffer.from(
    encodeMessage(DownloadArtifactResponse, { offsetBytes: 5, data: Buffer.alloc(1000, 3) }),
  );
  const chunk = decodeMessage(DownloadArtifactResponse, data).data;
  expect(chunk.buffer).toBe(data.buffer);
  data[data.length - 1] = 77;
  expect(chunk.at(-1)).toBe(77);
  const part = decodeMessage(
    UploadUpdateRequest,
    Buffer.from(encodeMessage(UploadUpdateRequest, { part: { kind: 'chunk', value: Buffer.alloc(9) } })),
  ).part;
  expect(part).toMatchObject({ kind: 'chunk' });
});

test('fields of a later revision are passed over, and its enumeration values read as unspecified', () => {
  const data = protobuf.Writer.create()
    .uint32((1 << 3) | 0)
    .uint32(99)
    .uint32((200 << 3) | 2)
    .string('what is this')
    .uint32((2 << 3) | 0)
    .bool(true)
    .finish();
  expect(decodeMessage(GetRoundStateResponse, data)).toMatchObject({ stage: 'unspecified', selected: true });
});

test('a message cut short anywhere is refused or a shorter valid one, and never hangs', () => {
  const whole = encodeMessage(UpdateHeader, header);
  let refused = 0;
  for (let length = 0; length < whole.length; length += 1) {
    try {
      decodeMessage(UpdateHeader, whole.subarray(0, length));
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(whole.length / 2);
});

test('any bytes are read or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (data) => {
      try {
        decodeMessage(RunEvent, data);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
    }),
    { numRuns: 1000 },
  );
});

test('an inner length cannot reach past the message around it', () => {
  // Field 1 (round) claims 100 bytes where 2 are left.
  expect(() => decodeMessage(UpdateHeader, Uint8Array.of(10, 100, 8, 1))).toThrow(
    'RoundKey ends 98 bytes after',
  );
});

test('text that is not UTF-8 is refused', () => {
  expect(() => decodeMessage(StartRunRequest, Uint8Array.of(10, 2, 0xc3, 0x28))).toThrow();
});
