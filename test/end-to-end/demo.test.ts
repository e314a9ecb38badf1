import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { replayLedger } from '@starling/federation';
import { expect, test } from 'vitest';
import {
  coordinatorFolder,
  readLedger,
  repositoryRoot,
  runCommand,
  temporaryFolder,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';

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

test('a private demo killed with all its processes goes on with its run, and what it spent stays spent', async () => {
  const scope = testScope();
  const folder = await temporaryFolder(scope, 'killed-demo');
  const args = ['demo', '--epsilon', '8', '--agents', '2', '--rounds', '4', '--json', '--folder', folder];
  // A group of its own: SIGKILL takes the coordinator and the agents too.
  const entry = resolve(repositoryRoot, 'coordinator/bundle/main.js');
  const stdio = ['ignore', 'ignore', 'pipe'] as const;
  const demo = spawn(process.execPath, [entry, ...args], { detached: true, stdio: [...stdio] });
  const { pid, stderr: told } = demo;
  if (pid === undefined || told === null) throw new Error('the demo did not start');
  const killAll = (): void => {
    if (demo.exitCode === null && demo.signalCode === null) process.kill(-pid, 'SIGKILL');
  };
  scope.onClose(killAll);
  for await (const line of createInterface({ input: told })) if (/round 2.* committed/.test(line)) break;
  const gone = once(demo, 'exit');
  killAll();
  await gone;
  const ledgerFolder = coordinatorFolder(folder);
  const before = await readLedger(ledgerFolder, 'mnist');
  expect(replayLedger(before).epsilon).toBeGreaterThan(0);

  const { code, stdout, stderr } = await runCommand('starling', args, { timeoutMs: 110_000 });
  expect(code, stderr).toBe(0);
  expect(stderr).toContain('Going on with the run');
  const after = await readLedger(ledgerFolder, 'mnist');
  expect(after.slice(0, before.length)).toEqual(before);
  const { epsilon, attempts } = replayLedger(after);
  const result = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  expect(result.privacy.epsilon).toBe(epsilon);
  expect(epsilon).toBeLessThanOrEqual(8);
  // Noise is for four rounds: one that the kill cut off was paid for too, and cannot be had again.
  expect(attempts.size).toBe(4);
  expect(result.rounds).toBeLessThanOrEqual(4);
  expect(result.rounds).toBeGreaterThanOrEqual(2);
}, 150_000);
