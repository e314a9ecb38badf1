import fc from 'fast-check';
import { expect, test } from 'vitest';
import { fuzzRuns, fuzzTimeoutMs } from '../../testing/fuzz-runs.js';
import { readAnswer, soundInput, testHttpDoor } from '../../testing/http-door.js';
import { checkNothingPilesUp, type MemoryUse, memoryUse } from '../../testing/memory.js';
import { decodeRequest } from './json-codec.js';

const sound = JSON.stringify({ inputs: [soundInput] });
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
    const { post, url, internal } = await testHttpDoor();
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
      expect((await readAnswer(await post(sound))).model_name).toBe('scale');
      const answers = await Promise.all(
        cases.slice(at, at + 25).map(async ([body, length]) => {
          const headers: Record<string, string> =
            length === undefined ? {} : { 'inference-header-content-length': length };
          const response = await post(Uint8Array.from(body), undefined, headers);
          return { status: response.status, answer: await readAnswer(response) };
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
