import { Client, credentials, status } from '@grpc/grpc-js';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { loadSchema } from '../../../../proto/scripts/load-schema.mjs';
import { systemClock } from '../../adapters/system-clock.js';
import { fuzzRuns, fuzzTimeoutMs } from '../../testing/fuzz-runs.js';
import { checkNothingPilesUp, type MemoryUse, memoryUse } from '../../testing/memory.js';
import { scalingModel } from '../../testing/models.js';
import { createInferenceService, defaultInferenceSettings } from '../service.js';
import { openGrpcDoor } from './server.js';

// A client of the published service that shares no code with the server: grpc-js over protobufjs' own reflection.
const schema = loadSchema(
  new URL('../../../../proto', import.meta.url).pathname,
  ['inference/open_inference.proto'],
  { keepCase: true },
);

async function door(queueMax = 16) {
  const service = createInferenceService(systemClock(), { ...defaultInferenceSettings, queueMax });
  await service.load('scale', '3', scalingModel(2));
  service.activate('scale', '3');
  const internal: unknown[] = [];
  const opened = await openGrpcDoor(service, {
    host: '127.0.0.1',
    port: 0,
    clock: systemClock(),
    onInternalError: (error) => internal.push(error),
  });
  const client = new Client(opened.address, credentials.createInsecure());
  onTestFinished(async () => {
    client.close();
    await opened.close();
    await service.close();
  });
  const raw = (method: string, message: Buffer): Promise<Buffer> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest<Buffer, Buffer>(
        `/inference.GRPCInferenceService/${method}`,
        (bytes) => bytes,
        (bytes) => bytes,
        message,
        (error, answer) => (answer === undefined ? reject(error) : resolve(answer)),
      );
    });
  const call = async (method: string, message: object): Promise<Record<string, unknown>> => {
    const request = schema.lookupType(`inference.${method}Request`);
    const response = schema.lookupType(`inference.${method}Response`);
    const answer = await raw(method, Buffer.from(request.encode(request.fromObject(message)).finish()));
    return response.toObject(response.decode(answer), { longs: Number, defaults: true });
  };
  return { call, raw, internal };
}

const head = { name: 'x', datatype: 'FP32', shape: [2, 3] };
const numbers = Float32Array.of(1, 2, 3, 4, 5, 6);

function floatsOf(answer: Record<string, unknown>): number[] {
  const [bytes] = answer.raw_output_contents as Uint8Array[];
  return [...new Float32Array(Uint8Array.from(bytes).buffer)];
}

test('health, readiness and metadata are told', async () => {
  const { call } = await door();
  expect(await call('ServerLive', {})).toEqual({ live: true });
  expect(await call('ServerReady', {})).toEqual({ ready: true });
  expect(await call('ModelReady', { name: 'scale' })).toEqual({ ready: true });
  expect(await call('ModelReady', { name: 'other' })).toEqual({ ready: false });
  expect(await call('ModelMetadata', { name: 'scale' })).toEqual({
    name: 'scale',
    versions: ['3'],
    platform: 'onnx_onnxv1',
    inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
    outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 3] }],
  });
});

test('contents by type and raw bytes give the same answer, with the id', async () => {
  const { call } = await door();
  const typed = await call('ModelInfer', {
    model_name: 'scale',
    id: 'q',
    parameters: { any: { int64_param: -3 } },
    inputs: [{ ...head, contents: { fp32_contents: [...numbers] } }],
  });
  expect(typed).toMatchObject({ model_name: 'scale', model_version: '3', id: 'q' });
  expect(floatsOf(typed)).toEqual([2, 4, 6, 8, 10, 12]);
  const raw = await call('ModelInfer', {
    model_name: 'scale',
    model_version: '3',
    inputs: [head],
    outputs: [{ name: 'y' }],
    raw_input_contents: [Buffer.from(numbers.buffer)],
  });
  expect(floatsOf(raw)).toEqual([2, 4, 6, 8, 10, 12]);
});

test('a question of some megabytes is answered, and a longer one refused', async () => {
  const { call } = await door();
  const ask = (rows: number) =>
    call('ModelInfer', {
      model_name: 'scale',
      inputs: [{ ...head, shape: [rows, 3] }],
      raw_input_contents: [Buffer.alloc(12 * rows)],
    });
  // A picture of 640 by 480.
  expect(floatsOf(await ask(640 * 480))).toHaveLength(3 * 640 * 480);
  await expect(ask(350_000)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
});

test.each<[string, object, status, RegExp]>([
  ['a model that is not here', { model_name: 'other' }, status.NOT_FOUND, /no model "other"/],
  ['no inputs', { model_name: 'scale' }, status.INVALID_ARGUMENT, /given 0 times/],
  [
    'both forms of contents',
    {
      model_name: 'scale',
      inputs: [{ ...head, contents: { fp32_contents: [1] } }],
      raw_input_contents: [Buffer.from(numbers.buffer)],
    },
    status.INVALID_ARGUMENT,
    /give one of them/,
  ],
  [
    'an output that is wanted twice',
    {
      model_name: 'scale',
      inputs: [head],
      outputs: [{ name: 'y' }, { name: 'y' }],
      raw_input_contents: [Buffer.from(numbers.buffer)],
    },
    status.INVALID_ARGUMENT,
    /output "y" is asked for more than once/,
  ],
  [
    'a swarm of outputs',
    { model_name: 'scale', inputs: [head], outputs: Array(5000).fill({}) },
    status.INVALID_ARGUMENT,
    /more than 4096 fields/,
  ],
  [
    'a swarm of pieces of bytes',
    {
      model_name: 'scale',
      inputs: [{ ...head, contents: { bytes_contents: Array(5000).fill(new Uint8Array(0)) } }],
    },
    status.INVALID_ARGUMENT,
    /more than 4096 fields/,
  ],
  [
    'bytes that are no floats',
    { model_name: 'scale', inputs: [head], raw_input_contents: [Buffer.alloc(7)] },
    status.INVALID_ARGUMENT,
    /7 bytes/,
  ],
])('%s is refused by name', async (_what, message, code, sentence) => {
  const { call } = await door();
  await expect(call('ModelInfer', message)).rejects.toMatchObject({
    code,
    details: expect.stringMatching(sentence),
  });
});

test('overload is RESOURCE_EXHAUSTED', async () => {
  const { call } = await door(0);
  const message = { model_name: 'scale', inputs: [head], raw_input_contents: [Buffer.from(numbers.buffer)] };
  await expect(call('ModelInfer', message)).rejects.toMatchObject({ code: status.RESOURCE_EXHAUSTED });
});

test(
  'hostile messages are refused by name, and the next sound one is answered',
  async () => {
    const { raw, call, internal } = await door(128);
    const type = schema.lookupType('inference.ModelInferRequest');
    const message = {
      model_name: 'scale',
      inputs: [head],
      raw_input_contents: [Buffer.from(numbers.buffer)],
    };
    const sound = Buffer.from(type.encode(type.fromObject(message)).finish());
    const damaged = fc.tuple(fc.nat(sound.length - 1), fc.nat(255), fc.boolean()).map(([at, byte, cut]) => {
      if (cut) return sound.subarray(0, at);
      const bytes = Buffer.from(sound);
      bytes[at] = byte;
      return bytes;
    });
    const cases = fc.sample(
      fc.oneof(
        damaged,
        fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
      ),
      {
        numRuns: fuzzRuns(2000),
      },
    );
    let before: MemoryUse | undefined;
    const refused = [status.INVALID_ARGUMENT, status.NOT_FOUND];
    for (let at = 0; at < cases.length; at += 50) {
      if (at === cases.length / 2) before = await memoryUse();
      // A sound one goes between them.
      const answered = call('ModelInfer', message);
      const answers = await Promise.allSettled(
        cases.slice(at, at + 50).map((bytes) => raw('ModelInfer', bytes)),
      );
      for (const answer of answers) {
        if (answer.status === 'rejected') expect(refused).toContain(answer.reason.code);
      }
      expect(floatsOf(await answered)).toEqual([2, 4, 6, 8, 10, 12]);
    }
    if (before !== undefined) await checkNothingPilesUp(before);
    expect(internal).toEqual([]);
  },
  fuzzTimeoutMs(60_000),
);
