import { Agent, request } from 'node:http';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { fuzzRuns, fuzzTimeoutMs } from '../../testing/fuzz-runs.js';
import { testHttpSource } from '../../testing/http-source.js';
import { checkNothingPilesUp, type MemoryUse, memoryUse } from '../../testing/memory.js';
import { hostileTarget, refusedRows, testRecorder } from '../../testing/recorder.js';

const cases = fuzzRuns(2000);

interface Answer {
  readonly status: number;
  readonly body: { readonly error?: string; readonly examples?: number; readonly quarantined?: number };
}

test(
  'thousands of hostile requests are stored, counted or refused by name, and sound ones still come in',
  async () => {
    const { recorder, store } = await testRecorder(hostileTarget, { isHasty: true });
    const { address, internal } = await testHttpSource(recorder);
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    onTestFinished(() => agent.destroy());
    const [host, port] = address.split(':');
    const send = (
      method: string,
      path: string,
      type: string | undefined,
      body: Uint8Array,
    ): Promise<Answer> =>
      new Promise((resolve, reject) => {
        const headers = {
          'content-length': body.length,
          ...(type === undefined ? {} : { 'content-type': type }),
        };
        const sent = request({ host, port, agent, method, path, headers }, (response) => {
          let text = '';
          response.on('data', (chunk) => {
            text += chunk;
          });
          response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
        });
        sent.on('error', reject);
        sent.end(body);
      });

    const sound = '[{"id":"a","x":0.5,"p":[1,2],"side":1},{"id":7,"x":-0.25,"p":[3,4]}]';
    const mutated = fc
      .tuple(fc.nat(sound.length), fc.nat(12), fc.string({ unit: 'binary', maxLength: 6 }))
      .map(([at, remove, insert]) => Buffer.from(sound.slice(0, at) + insert + sound.slice(at + remove)));
    const body = fc.oneof(
      { weight: 4, arbitrary: mutated },
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
      fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text)),
      fc.integer({ min: 1, max: 5000 }).map((depth) => Buffer.from('['.repeat(depth))),
      fc.constant(Buffer.from('[{"__proto__":{"x":1}},{"constructor":0,"x":1e400}]')),
    );
    const path = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.constantFrom('/examples/t', '/labels/t', '/examples/t?source=%00&source=a'),
      },
      fc.webPath().map((text) => text || '/'),
      fc.constantFrom(
        '/examples/%74',
        '/examples/__proto__',
        '/examples/../t',
        '//',
        '/examples/t/t',
        '/labels/',
      ),
    );
    const type = fc.option(
      fc.constantFrom(
        ...['application/json', 'text/csv', 'application/octet-stream', 'application/x-sparkplug-b'],
        ...['application/x-ndjson', 'APPLICATION/JSON', 'text/csv; charset=x', ';'],
      ),
      { nil: undefined },
    );
    const method = fc.oneof(
      { weight: 8, arbitrary: fc.constant('POST') },
      fc.constantFrom('GET', 'PUT', 'DELETE'),
    );
    let stored = 0;
    let quarantined = 0;
    let good = 0;
    let runs = 0;
    let before: MemoryUse | undefined;
    await fc.assert(
      fc.asyncProperty(method, path, type, body, async (...sent) => {
        runs += 1;
        if (runs === cases / 2) before = await memoryUse();
        if (runs % 20 === 0) {
          const row = Buffer.from(`{"id":"good-${good++}","x":0.5,"p":[1,2]}`);
          const told = await send('POST', '/examples/t', 'application/json', row);
          expect(told.body).toEqual({ accepted: 1, quarantined: 0, examples: 1 });
          stored += 1;
        }
        const { status, body: told } = await send(...sent);
        expect([200, 404, 405, 413, 415, 503]).toContain(status);
        if (status !== 200) {
          expect(told.error).toMatch(/^examples\/[a-z-]+: \S/);
          return;
        }
        stored += told.examples ?? Number.NaN;
        quarantined += told.quarantined ?? Number.NaN;
      }),
      { numRuns: cases },
    );
    if (before !== undefined) await checkNothingPilesUp(before);
    expect(internal).toEqual([]);
    expect(refusedRows(store)).toBe(quarantined);
    const kept = [...store.examples('t', 'all')];
    expect(kept).toHaveLength(stored);
    const ids = new Set(kept.map(({ id }) => id));
    for (let at = 0; at < good; at++) expect(ids).toContain(`good-${at}`);
    // More than a hundred with most seeds: neither may be what was hardly tried.
    expect(Math.min(stored, quarantined)).toBeGreaterThan(20);
    const last = await send(
      'POST',
      '/examples/t',
      'application/json',
      Buffer.from('{"id":"last","x":1,"p":[1,2]}'),
    );
    expect(last).toEqual({ status: 200, body: { accepted: 1, quarantined: 0, examples: 1 } });
  },
  fuzzTimeoutMs(60_000),
);
