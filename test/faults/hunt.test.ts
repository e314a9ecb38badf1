/** The hunt as a command: a bug in the protocol fails it, and what it prints fails again by itself. */
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { repositoryRoot, runCommand } from '../support/index.js';

// An update is added to the sum twice; see the simulator's mutations.
const preload = pathToFileURL(`${repositoryRoot}/simulations/dist/faults/mutations/preload.js`).href;
const broken = { STARLING_MUTATION: 'double-fold', NODE_OPTIONS: `--import ${preload}` };

test('a seed that fails is shrunk to few operations, and one command replays it', async () => {
  // Nine operations, of which one is a masked run.
  const args = ['faults', '--seed', '5', '--seeds', '1', '--workers', '1', '--json'];
  const found = await runCommand('starling-sim', args, { env: broken });
  expect(found.code, found.stderr).toBe(1);
  const { failed } = JSON.parse(found.stdout);
  expect(failed).toMatchObject({ seed: 5, checker: 'failures', replay: expect.any(String) });
  expect(failed.operations).toHaveLength(1);

  const [command, ...replay] = failed.replay.split(' ');
  expect(command).toBe('starling-sim');
  const [again, mended] = await Promise.all([
    runCommand('starling-sim', [...replay, '--json'], { env: broken }),
    runCommand('starling-sim', [...replay, '--json']),
  ]);
  expect(again.code, again.stderr).toBe(1);
  expect(JSON.parse(again.stdout)).toMatchObject({ checker: 'failures', operations: failed.operations });
  expect(mended.code, mended.stderr).toBe(0);
}, 120_000);
