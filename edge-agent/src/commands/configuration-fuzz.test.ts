import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AgentError } from '../errors.js';
import { fuzzRuns, fuzzTimeoutMs } from '../testing/fuzz-runs.js';
import { checkNothingPilesUp, type MemoryUse, memoryUse } from '../testing/memory.js';
import { temporaryFolder } from '../testing/small-task.js';
import { readConfiguration } from './configuration.js';

const secret = 'starling1.c2VjcmV0LW9mLXRoZS1kZXZpY2U';
const whole = `coordinator: localhost:7443
state: state
examples: { digits: data/digits }
threads: 2
telemetry: { budgetMegabytes: 8, streams: [{ name: vibration, priority: high, keepHours: 12 }] }
inference:
  models: models
  http: 127.0.0.1:8080
  mqtt: [{ topic: "hall/{motor}/ask", model: m, format: f32, answer: "hall/{motor}/answer" }]
  results: [{ recording: v, model: m, topic: "hall/{source}/result", qos: 1 }]
ingestion:
  broker: { url: mqtt://localhost, passwordFile: secret.txt }
  http: 127.0.0.1:0
  recordings: { v: { contract: v.yaml, mqtt: [{ topic: "a/{b}", format: csv }] } }
conditions: { power: mains, hours: ["22:00-06:00"] }
training: { niceness: 10, memoryMegabytesMax: 512 }
releases: { reportSecondsMax: 30 }
`;
/** Last, so that no change cuts it loose: what is the value of another key may be told. */
const tokenLine = `token: ${secret}\n`;

const odd = fc.oneof(
  fc.constantFrom(
    '[',
    '{',
    ']',
    '}',
    ': ',
    '- ',
    '&a ',
    '*a',
    '!!binary ',
    '"',
    "'",
    '\u0000',
    '\ufeff',
    '\t',
    '\n',
  ),
  fc.constantFrom(
    'null',
    '.nan',
    '1e999',
    '-1',
    '0x7fffffffffffffff',
    '~',
    '<<: *a',
    '__proto__: {x: 1}',
    '---\n',
  ),
  fc.string({ unit: 'binary', maxLength: 8 }),
);
const change = fc.record({
  at: fc.nat(whole.length - 40),
  remove: fc.oneof(fc.nat(1), fc.nat(40)),
  insert: fc.oneof(odd, fc.constantFrom('', 'a', '1')),
});

const changed = (changes: readonly { at: number; remove: number; insert: string }[]): string =>
  changes.reduce(
    (text, { at, remove, insert }) => text.slice(0, at) + insert + text.slice(at + remove),
    whole,
  );

/** Either it is read, or refused by name, shortly, and without what is nobody's business. */
async function refusedAtMost(reading: Promise<unknown>): Promise<'read' | 'refused'> {
  try {
    await reading;
    return 'read';
  } catch (error) {
    expect(error).toBeInstanceOf(AgentError);
    if (!(error instanceof AgentError)) throw error;
    expect(error.code).toBe('agent/configuration');
    expect(error.message.length).toBeLessThan(8192);
    expect(error.message).not.toContain(secret);
    return 'refused';
  }
}

test(
  'a thousand damaged configuration files are read, or refused by name and without their secrets',
  async () => {
    const config = join(await temporaryFolder(), 'agent.yaml');
    const count = { read: 0, refused: 0 };
    let before: MemoryUse | undefined;
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 2 }), async (changes) => {
        if (count.read + count.refused === 500) before = await memoryUse();
        await writeFile(config, changed(changes) + tokenLine);
        count[await refusedAtMost(readConfiguration({ config }))] += 1;
      }),
      { numRuns: fuzzRuns(1000) },
    );
    if (before !== undefined) await checkNothingPilesUp(before);
    // Neither of them is all there is.
    expect(Math.min(count.read, count.refused)).toBeGreaterThan(10);
  },
  fuzzTimeoutMs(60_000),
);

test.each([
  [
    'a bomb of aliases',
    `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefghi'
      .split('')
      .map((name, at) => `${name}: &${name} [${Array(9).fill(`*${'abcdefgh'[at]}`).join(', ')}]`)
      .join('\n')}\n`,
  ],
  ['a depth without end', '['.repeat(20_000)],
  ['a file that is far too long', `# ${'x'.repeat(1 << 20)}\n${whole}`],
])('%s is refused at once', async (_what, text) => {
  const config = join(await temporaryFolder(), 'agent.yaml');
  await writeFile(config, text);
  expect(await refusedAtMost(readConfiguration({ config }))).toBe('refused');
});

test(
  'thousands of options, as flags or the environment bring them, are taken or refused by name',
  async () => {
    const text = fc.oneof(
      odd,
      fc.webUrl(),
      fc.ipV6(),
      fc.constantFrom('a:1', 'localhost:7443', '/x=y', 'a=b', '=', ':'),
    );
    const some = fc.option(text, { nil: undefined });
    const given = fc.record({
      coordinator: some,
      state: some,
      models: some,
      http: some,
      grpc: some,
      token: fc.constant(secret),
    });
    await fc.assert(
      fc.asyncProperty(given, fc.array(text, { maxLength: 3 }), async (args, examples) => {
        await refusedAtMost(readConfiguration({ ...args, examples }));
      }),
      { numRuns: fuzzRuns(2000) },
    );
  },
  fuzzTimeoutMs(60_000),
);
