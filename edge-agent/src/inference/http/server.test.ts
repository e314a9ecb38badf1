import { request } from 'node:http';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../adapters/system-clock.js';
import { fuzzRuns, fuzzTimeoutMs } from '../../testing/fuzz-runs.js';
import { checkNothingPilesUp, type MemoryUse, memoryUse } from '../../testing/memory.js';
import { scalingModel } from '../../testing/models.js';
import { createInferenceService, defaultInferenceSettings, type InferenceSettings } from '../service.js';
import { decodeRequest } from './json-codec.js';
import { type HttpDoorOptions, openHttpDoor } from './server.js';

async function door(settings: Partial<InferenceSettings> = {}, options: Partial<HttpDoorOptions> = {}) {
  const service = createInferenceService(systemClock(), { ...defaultInferenceSettings, ...settings });
  await service.load('scale', '3', scalingModel(2));
  service.activate('scale', '3');
  const internal: unknown[] = [];
  const opened = await openHttpDoor(service, {
    host: '127.0.0.1',
    port: 0,
    onInternalError: (error) => internal.push(error),
    ...options,
  });
  onTestFinished(async () => {
    await opened.close();
    await service.close();
  });
  const url = `http://${opened.address}`;
  const post = (
    body: string | Uint8Array<ArrayBuffer>,
    path = '/v2/models/scale/infer',
    headers: Record<string, string> = {},
  ) => fetch(`${url}${path}`, { method: 'POST', body, headers });
  return { url, post, internal, service };
}

const input = { name: 'x', shape: [2, 3], datatype: 'FP32', data: [1, 2, 3, 4, 5, 6] };

/** A question that would be sound without a parameter of so many. */
const swarm = (unit: string, count: number): string =>
  JSON.stringify({ inputs: [input], parameters: { a: ['many'] } }).replace(
    '"many"',
    `${unit},`.repeat(count) + unit,
  );

test('metadata, health and readiness are told', async () => {
  const { url } = await door();
  const get = async (path: string) => {
    const response = await fetch(`${url}${path}`);
    return [response.status, await response.json()];
  };
  expect(await get('/v2')).toMatchObject([
    200,
    { name: 'starling-agent', extensions: ['binary_tensor_data', 'statistics'] },
  ]);
  expect(await get('/v2/health/live')).toEqual([200, { live: true }]);
  expect(await get('/v2/health/ready')).toEqual([200, { ready: true }]);
  expect(await get('/v2/models/scale')).toEqual([
    200,
    {
      name: 'scale',
      versions: ['3'],
      platform: 'onnx_onnxv1',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 3] }],
    },
  ]);
  expect(await get('/v2/models/scale/versions/3/ready')).toEqual([200, { name: 'scale', ready: true }]);
  expect((await get('/v2/models/scale/versions/4/ready'))[0]).toBe(404);
  expect((await get('/v2/models/other'))[0]).toBe(404);
  expect((await get('/v1/models'))[0]).toBe(404);
  expect((await get('/v2/models/scale/infer'))[0]).toBe(405);
});

test('JSON is answered in JSON: flat or nested, by version, with the id', async () => {
  const { post } = await door();
  const nested = {
    ...input,
    data: [
      [1, 2, 3],
      [4, 5, 6],
    ],
  };
  for (const [path, given] of [
    ['/v2/models/scale/infer', input],
    ['/v2/models/scale/versions/3/infer', nested],
  ] as const) {
    const response = await post(JSON.stringify({ id: 'q-1', inputs: [given] }), path);
    expect(await response.json()).toEqual({
      model_name: 'scale',
      model_version: '3',
      id: 'q-1',
      outputs: [{ name: 'y', datatype: 'FP32', shape: [2, 3], data: [2, 4, 6, 8, 10, 12] }],
    });
  }
});

test('tensors travel as bytes where that is asked for, each way by itself', async () => {
  const { post } = await door();
  const raw = Buffer.from(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
  const { data: _, ...head } = input;
  // One more space, so that the bytes do not lie at a multiple of four.
  for (const pad of ['', ' ', '  ', '   ']) {
    const json = `${pad}${JSON.stringify({
      inputs: [{ ...head, parameters: { binary_data_size: raw.length } }],
      outputs: [{ name: 'y', parameters: { binary_data: true } }],
    })}`;
    const response = await post(Buffer.concat([Buffer.from(json), raw]), undefined, {
      'inference-header-content-length': String(Buffer.byteLength(json)),
    });
    expect(response.status).toBe(200);
    const body = Buffer.from(await response.arrayBuffer());
    const length = Number(response.headers.get('inference-header-content-length'));
    expect(JSON.parse(body.toString('utf8', 0, length)).outputs).toEqual([
      { name: 'y', datatype: 'FP32', shape: [2, 3], parameters: { binary_data_size: 24 } },
    ]);
    expect([...new Float32Array(Uint8Array.from(body.subarray(length)).buffer)]).toEqual([
      2, 4, 6, 8, 10, 12,
    ]);
  }
  const all = await post(JSON.stringify({ inputs: [input], parameters: { binary_data_output: true } }));
  expect(all.headers.get('content-type')).toBe('application/octet-stream');
});

test.each<[string, unknown, number, RegExp]>([
  ['no JSON', '{', 400, /invalid-request: The body is not JSON/],
  ['no inputs', {}, 400, /at inputs/],
  [
    'a text for a number',
    { inputs: [{ ...input, data: [1, 2, 3, 4, 5, '6'] }] },
    400,
    /Element 5 .* is not FP32/,
  ],
  ['another type', { inputs: [{ ...input, datatype: 'INT32' }] }, 400, /is FP32; convert "INT32" first/],
  ['another shape', { inputs: [{ ...input, shape: [3, 3] }] }, 400, /6 elements/],
  ['a negative shape', { inputs: [{ ...input, shape: [-2, -3] }] }, 400, /shape \[-2,-3\]/],
  ['a wanted output that is not', { inputs: [input], outputs: [{ name: 'z' }] }, 400, /no output "z"/],
  [
    'an output that is wanted twice',
    { inputs: [input], outputs: [{ name: 'y' }, { name: 'y' }] },
    400,
    /output "y" is asked for more than once/,
  ],
  ['a swarm of objects', swarm('{}', 30_000), 400, /more than 2048 objects/],
  ['a swarm of lists', swarm('[]', 1_100_000), 400, /more than 1048576 lists/],
  ['a swarm of texts', swarm('""', 70_000), 400, /names and texts/],
  [
    'a binary size beyond the body',
    { inputs: [{ ...input, parameters: { binary_data_size: 99 } }] },
    400,
    /does not fit/,
  ],
])('%s is refused with a sentence', async (_what, body, status, sentence) => {
  const { post, internal } = await door();
  const response = await post(typeof body === 'string' ? body : JSON.stringify(body));
  expect(response.status).toBe(status);
  expect((await json(response)).error).toMatch(sentence);
  expect(internal).toEqual([]);
});

test('a body beyond its bound is refused before it is read, by its head or on the way', async () => {
  const { url, service } = await door({}, { bodyBytesMax: 1000 });
  const send = (headers: Record<string, string | number>, chunks: number) =>
    new Promise<number | undefined>((resolve) => {
      const sent = request(`${url}/v2/models/scale/infer`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('error', () => undefined);
      for (let chunk = 0; chunk < chunks; chunk++) sent.write(Buffer.alloc(400, ' '));
    });
  expect(await send({ 'content-length': 1_000_000_000 }, 1)).toBe(413);
  expect(await send({ 'transfer-encoding': 'chunked' }, 5)).toBe(413);
  expect(service.statistics()[0].requests).toBe(0);
});

test('bodies on their way are bounded in sum', async () => {
  const { url, post } = await door({}, { bodyBytesMax: 1000, bodiesBytesMax: 1500 });
  const halves = [1, 2].map(() => {
    const sent = request(`${url}/v2/models/scale/infer`, { method: 'POST' });
    const status = new Promise<number | undefined>((resolve) => {
      sent.on('response', (response) => resolve(response.resume().statusCode));
      sent.on('error', () => resolve(undefined));
    });
    sent.write(Buffer.alloc(900, ' '));
    return { sent, status };
  });
  // Neither is beyond its own bound, and neither has come to its end.
  expect(await Promise.race(halves.map(({ status }) => status))).toBe(503);
  for (const { sent } of halves) sent.destroy();
  await expect.poll(async () => (await post(JSON.stringify({ inputs: [input] }))).status).toBe(200);
});

test('overload is a 503 with its name', async () => {
  const { post } = await door({ queueMax: 0 });
  const response = await post(JSON.stringify({ inputs: [input] }));
  expect(response.status).toBe(503);
  expect((await json(response)).error).toMatch(/^inference\/overloaded: /);
});

test('latencies and runs are counted for each model', async () => {
  const { post, url } = await door();
  await post(JSON.stringify({ inputs: [input] }));
  const { model_stats } = await json(await fetch(`${url}/v2/models/scale/stats`));
  expect(model_stats).toMatchObject([
    { model: 'scale', version: '3', serving: true, requests: 1, runs: 1, rows: 2, latency: { count: 1 } },
  ]);
});

const json = async (
  response: Response,
): Promise<{ error?: string; model_name?: string; model_stats?: unknown }> =>
  JSON.parse(await response.text());

const sound = JSON.stringify({ inputs: [input] });
const cutOrFlipped = fc.tuple(fc.nat(sound.length - 1), fc.nat(255), fc.boolean()).map(([at, byte, cut]) => {
  const bytes = Buffer.from(sound);
  if (cut) return bytes.subarray(0, at);
  bytes[at] = byte;
  return bytes;
});
const fields = fc.record(
  {
    id: fc.anything(),
    parameters: fc.anything(),
    inputs: fc.oneof(
      fc.anything(),
      fc.array(
        fc.record(
          {
            name: fc.constantFrom('x', 'y', '__proto__'),
            shape: fc.oneof(fc.anything(), fc.array(fc.oneof(fc.double(), fc.integer()), { maxLength: 4 })),
            datatype: fc.constantFrom('FP32', 'BYTES', ''),
            data: fc.anything(),
            parameters: fc.oneof(fc.anything(), fc.record({ binary_data_size: fc.anything() })),
          },
          { requiredKeys: [] },
        ),
        { maxLength: 3 },
      ),
    ),
    outputs: fc.anything(),
  },
  { requiredKeys: [] },
);
const asJson = fields.map((value) => {
  const text = JSON.stringify(value, (_key, inner) => (typeof inner === 'bigint' ? String(inner) : inner));
  return Buffer.from(text ?? '');
});
const bodies = fc.oneof(
  fc.constant(Buffer.from(sound)),
  cutOrFlipped,
  asJson,
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
);

test(
  'hostile bodies and paths are refused with a sentence, and the next sound one is answered',
  async () => {
    const { post, url, internal } = await door();
    const headerLengths = fc.option(
      fc.oneof(fc.integer().map(String), fc.constantFrom('x', '1e3', '-0', '')),
      {
        nil: undefined,
        freq: 3,
      },
    );
    const cases = fc.sample(fc.tuple(bodies, headerLengths), { numRuns: fuzzRuns(500) });
    // The tables that these are drawn from take 86 MB, and stay.
    const paths = fc.sample(fc.webPath(), { numRuns: 50 });
    let before: MemoryUse | undefined;
    for (let at = 0; at < cases.length; at += 25) {
      if (at === cases.length / 2) before = await memoryUse();
      expect((await json(await post(sound))).model_name).toBe('scale');
      const answers = await Promise.all(
        cases.slice(at, at + 25).map(async ([body, length]) => {
          const headers: Record<string, string> =
            length === undefined ? {} : { 'inference-header-content-length': length };
          const response = await post(Uint8Array.from(body), undefined, headers);
          return { status: response.status, answer: await json(response) };
        }),
      );
      for (const { status, answer } of answers) {
        if (status === 200) expect(answer.model_name).toBe('scale');
        else expect([status, answer.error]).toEqual([400, expect.stringMatching(/^inference\/[a-z-]+: ./)]);
      }
    }
    for (const path of paths) {
      const response = await fetch(`${url}/v2/models${path}`);
      expect(response.status).toBeLessThan(500);
      await response.arrayBuffer();
    }
    if (before !== undefined) await checkNothingPilesUp(before);
    expect(internal).toEqual([]);
    expect((await post(sound)).status).toBe(200);
  },
  fuzzTimeoutMs(60_000),
);

test(
  'thousands of hostile bodies are decoded to sound tensors or refused by name',
  () => {
    const specs = [{ name: 'x', dataType: 'float32' as const, shape: [-1, 3] }];
    let accepted = 0;
    const property = fc.property(
      bodies,
      fc.option(fc.nat(300), { nil: undefined, freq: 3 }),
      (body, header) => {
        try {
          const { inputs } = decodeRequest(body, header, specs);
          for (const { data } of inputs) expect(data).toBeInstanceOf(Float32Array);
          accepted += 1;
        } catch (error) {
          expect(error).toMatchObject({
            code: 'inference/invalid-request',
            message: expect.stringMatching(/./),
          });
        }
      },
    );
    fc.assert(property, { numRuns: fuzzRuns(4000) });
    expect(accepted).toBeGreaterThan(0);
  },
  fuzzTimeoutMs(60_000),
);
