import { expect, test } from 'vitest';
import { runCommand } from '../support/index.js';

test('a short demo learns, and its last line is one JSON object with the figures', async () => {
  const args = ['demo', '--agents', '3', '--rounds', '2', '--iid', '--json'];
  const { code, stdout, stderr } = await runCommand('starling', args, { timeoutMs: 110_000 });
  expect(code, stderr).toBe(0);
  const last = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, number>;
  expect(last).toMatchObject({ rounds: 2, agents: 3, iid: true });
  expect(last.testAccuracy).toBeGreaterThan(0.9);
  expect(last.testAccuracy).toBeLessThanOrEqual(1);
  expect(last.seconds).toBeGreaterThan(0);
  // Under masks an element of 8 bits takes the ring of a sum over three agents, 10 bits: 199,210 parameters of the 2NN
  // and a few sums beside them, from three agents in two rounds.
  const bitsPerParameter = (8 * Number(last.bytesUploaded)) / (199_210 * 3 * 2);
  expect(bitsPerParameter).toBeGreaterThanOrEqual(10);
  expect(bitsPerParameter).toBeLessThan(10.1);
}, 120_000);
