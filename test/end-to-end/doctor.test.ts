/** `starling-agent doctor` as it is installed: the systemd unit runs it before each start. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand, temporaryFolder } from '../support/index.js';
import { testScope } from '../support/test-scope.js';

test('a device that records is found well', async () => {
  const folder = await temporaryFolder(testScope(), 'doctor');
  const recording = {
    features: [{ name: 'x', dataType: 'float32', shape: [], range: [-1, 1] }],
    target: { kind: 'class', name: 'side', classes: 2 },
  };
  await mkdir(join(folder, 'state'), { mode: 0o700 });
  await writeFile(join(folder, 'x.yaml'), JSON.stringify(recording));
  const ingestion = { recordings: { x: { contract: 'x.yaml', files: 'inbox' } } };
  await writeFile(join(folder, 'agent.yaml'), JSON.stringify({ state: 'state', ingestion }));
  const args = ['doctor', '--config', join(folder, 'agent.yaml'), '--json'];
  const { code, stdout } = await runCommand('starling-agent', args);
  const recordings = stdout.split('\n').filter((line) => line.includes('recording x'));
  expect(recordings.map((line) => JSON.parse(line))).toEqual([
    { check: 'recording x', state: 'good', message: expect.stringContaining('is valid') },
  ]);
  expect(code).toBe(0);
});
