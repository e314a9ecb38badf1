import { request } from 'node:http';
import { expect, test } from 'vitest';
import { readAnswer, soundInput, testHttpDoor } from '../../testing/http-door.js';

/** A question that would be sound without a parameter of so many. */
const swarm = (unit: string, count: number): string =>
  JSON.stringify({ inputs: [soundInput], parameters: { a: ['many'] } }).replace(
    '"many"',
    `${unit},`.repeat(count) + unit,
  );

test('metadata, health and readiness are told', async () => {
  const { url } = await testHttpDoor();
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
  const { post } = await testHttpDoor();
  const nested = {
    ...soundInput,
    data: [
      [1, 2, 3],
      [4, 5, 6],
    ],
  };
  for (const [path, given] of [
    ['/v2/models/scale/infer', soundInput],
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
  const { post } = await testHttpDoor();
  const raw = Buffer.from(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
  const { data: _, ...head } = soundInput;
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
  const all = await post(JSON.stringify({ inputs: [soundInput], parameters: { binary_data_output: true } }));
  expect(all.headers.get('content-type')).toBe('application/octet-stream');
});

test.each<[string, unknown, number, RegExp]>([
  ['no JSON', '{', 400, /invalid-request: The body is not JSON/],
  ['no inputs', {}, 400, /at inputs/],
  [
    'a text for a number',
    { inputs: [{ ...soundInput, data: [1, 2, 3, 4, 5, '6'] }] },
    400,
    /Element 5 .* is not FP32/,
  ],
  ['another type', { inputs: [{ ...soundInput, datatype: 'INT32' }] }, 400, /is FP32; convert "INT32" first/],
  ['another shape', { inputs: [{ ...soundInput, shape: [3, 3] }] }, 400, /6 elements/],
  ['a negative shape', { inputs: [{ ...soundInput, shape: [-2, -3] }] }, 400, /shape \[-2,-3\]/],
  ['a wanted output that is not', { inputs: [soundInput], outputs: [{ name: 'z' }] }, 400, /no output "z"/],
  [
    'an output that is wanted twice',
    { inputs: [soundInput], outputs: [{ name: 'y' }, { name: 'y' }] },
    400,
    /output "y" is asked for more than once/,
  ],
  ['a swarm of objects', swarm('{}', 30_000), 400, /more than 2048 objects/],
  ['a swarm of lists', swarm('[]', 1_100_000), 400, /more than 1048576 lists/],
  ['a swarm of texts', swarm('""', 70_000), 400, /names and texts/],
  [
    'a binary size beyond the body',
    { inputs: [{ ...soundInput, parameters: { binary_data_size: 99 } }] },
    400,
    /does not fit/,
  ],
])('%s is refused with a sentence', async (_what, body, status, sentence) => {
  const { post, internal } = await testHttpDoor();
  const response = await post(typeof body === 'string' ? body : JSON.stringify(body));
  expect(response.status).toBe(status);
  expect((await readAnswer(response)).error).toMatch(sentence);
  expect(internal).toEqual([]);
});

test('a body beyond its bound is refused before it is read, by its head or on the way', async () => {
  const { url, service } = await testHttpDoor({}, { bodyBytesMax: 1000 });
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
  const { url, post } = await testHttpDoor({}, { bodyBytesMax: 1000, bodiesBytesMax: 1500 });
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
  await expect.poll(async () => (await post(JSON.stringify({ inputs: [soundInput] }))).status).toBe(200);
});

test('overload is a 503 with its name', async () => {
  const { post } = await testHttpDoor({ queueMax: 0 });
  const response = await post(JSON.stringify({ inputs: [soundInput] }));
  expect(response.status).toBe(503);
  expect((await readAnswer(response)).error).toMatch(/^inference\/overloaded: /);
});

test('latencies and runs are counted for each model', async () => {
  const { post, url } = await testHttpDoor();
  await post(JSON.stringify({ inputs: [soundInput] }));
  const { model_stats } = await readAnswer(await fetch(`${url}/v2/models/scale/stats`));
  expect(model_stats).toMatchObject([
    { model: 'scale', version: '3', serving: true, requests: 1, runs: 1, rows: 2, latency: { count: 1 } },
  ]);
});
