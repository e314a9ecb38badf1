import { PassThrough } from 'node:stream';
import { createVirtualClock } from '@starling/federation';
import { expect, test } from 'vitest';
import { runCommandLine } from './command-line.js';
import { exitCodes } from './exit-codes.js';

/** Runs `starling privacy …` and gives what it wrote where. */
async function privacy(commandLine: string): Promise<{ exitCode: number; out: string; err: string }> {
  const out = new PassThrough({ encoding: 'utf8' });
  const err = new PassThrough({ encoding: 'utf8' });
  const terminal = { out, err, env: {}, clock: createVirtualClock(), signal: new AbortController().signal };
  const exitCode = await runCommandLine(['privacy', ...commandLine.split(' ')], terminal);
  return { exitCode, out: out.read() ?? '', err: err.read() ?? '' };
}

const published = '--mechanism gaussian --noise 1.1 --sampling 0.01 --rounds 2000 --delta 1e-5';

test.each([
  ['rdp', 2.380934822469171],
  ['pld', 2.159778],
])('epsilon by %s is one JSON object, and what dp-accounting finds', async (accountant, expected) => {
  const { exitCode, out, err } = await privacy(`epsilon ${published} --accountant ${accountant} --json`);
  expect(exitCode).toBe(exitCodes.done);
  expect(err).toBe('');
  const printed = JSON.parse(out) as Record<string, number>;
  expect(Object.keys(printed)).toEqual(['epsilon']);
  expect(Math.abs(printed.epsilon / expected - 1)).toBeLessThan(1e-3);
});

test('everyone takes part unless told', async () => {
  const { out } = await privacy('epsilon --noise 5 --rounds 100 --delta 1e-7 --accountant rdp --json');
  expect(JSON.parse(out).epsilon).toBeCloseTo(12.570016298289048, 6);
});

test('calibrate finds noise whose ε the other command confirms', async () => {
  const { out } = await privacy('calibrate --epsilon 8 --delta 1e-5 --rounds 100 --sampling 0.1 --json');
  const { noiseMultiplier, epsilon } = JSON.parse(out) as { noiseMultiplier: number; epsilon: number };
  expect(epsilon).toBeGreaterThan(7.99);
  expect(epsilon).toBeLessThanOrEqual(8);
  const back = await privacy(
    `epsilon --noise ${noiseMultiplier} --rounds 100 --sampling 0.1 --delta 1e-5 --json`,
  );
  expect(JSON.parse(back.out).epsilon).toBe(epsilon);
});

test('discrete noise needs to know the vectors, and then costs about what Gaussian noise does', async () => {
  const common = 'epsilon --noise 3 --rounds 10 --delta 1e-5 --json';
  const gaussian = JSON.parse((await privacy(common)).out).epsilon as number;
  for (const mechanism of ['skellam', 'discrete-gaussian']) {
    const missing = await privacy(`${common} --mechanism ${mechanism}`);
    expect(missing).toMatchObject({ exitCode: exitCodes.usage, out: '' });
    expect(missing.err).toContain('--l2 and --dimension');
    const { out } = await privacy(
      `${common} --mechanism ${mechanism} --l2 1000 --dimension 500 --devices 40`,
    );
    expect(JSON.parse(out).epsilon / gaussian).toBeGreaterThan(1 - 1e-9);
    expect(JSON.parse(out).epsilon / gaussian).toBeLessThan(1.02);
  }
});

test('a budget that protects nobody is computed, with a warning beside the result', async () => {
  const { exitCode, out, err } = await privacy('calibrate --epsilon 70333 --delta 1e-5 --rounds 1 --json');
  expect(exitCode).toBe(exitCodes.done);
  expect(JSON.parse(out).epsilon).toBeLessThanOrEqual(70_333);
  expect(err).toContain('no meaningful');
});

test.each([
  ['epsilon --noise 0 --rounds 1 --delta 1e-5', 'invalid-noise'],
  ['epsilon --noise loud --rounds 1 --delta 1e-5', 'invalid-noise'],
  ['epsilon --noise 1 --rounds 0.5 --delta 1e-5', 'invalid-rounds'],
  ['epsilon --noise 1 --rounds 1 --delta 0', 'invalid-delta'],
  ['epsilon --noise 1 --rounds 1 --delta 1e-5 --sampling 2', 'invalid-sampling'],
  ['epsilon --noise 1 --rounds 1 --delta 1e-13 --accountant pld', 'delta-too-small'],
  [
    'epsilon --mechanism skellam --noise 1 --l2 9 --dimension 4 --rounds 1 --delta 1e-5 --accountant pld',
    'unsupported-mechanism',
  ],
  ['calibrate --epsilon -1 --rounds 1 --delta 1e-5', 'invalid-epsilon'],
  ['calibrate --epsilon 0.001 --rounds 100 --sampling 0.1 --delta 1e-6', 'unreachable-epsilon'],
  ['epsilon --rounds 1 --delta 1e-5', 'USAGE'],
  ['epsilon --noise 1 --rounds 1 --delta 1e-5 --accountant moments', 'USAGE'],
])('%s ends with %s and a remedy', async (commandLine, code) => {
  const { exitCode, out, err } = await privacy(`${commandLine} --json`);
  expect(exitCode).toBe(exitCodes.usage);
  expect(out).toBe('');
  const { error } = JSON.parse(err) as { error: { code: string; message: string; remedy: string } };
  expect(error.code).toBe(code);
  expect(error.message).not.toBe('');
  expect(error.remedy).not.toBe('');
});
