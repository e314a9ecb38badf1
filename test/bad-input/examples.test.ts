/** Examples that break the feature contract: the agent says so in a sentence, and the round goes on without it. */
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  deviceName,
  examplesFolder,
  runCommand,
  smallContract,
  startFleet,
  startSmallAgent,
  temporaryFolder,
  writeSmallExamples,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';

const header = 'reading.0,reading.1,reading.2,reading.3,kind';

const faults = [
  { what: 'a value outside the range', row: '0,17,0,0,1', says: /row 60 .*outside the contract's range/ },
  {
    what: 'a value that is no number',
    row: '0,high,0,0,1',
    says: /line 62, column "reading.1".*not a finite/,
  },
  {
    what: 'a value that is not finite',
    row: '0,1e999,0,0,1',
    says: /line 62, column "reading.1".*not a finite/,
  },
  { what: 'a class that is not there', row: '0,1,0,0,3', says: /row 60 .*"kind".*outside/ },
  { what: 'a row that is too short', row: '0,1,0,0', says: /line 62 has 4 fields/ },
];

test.each(faults)('$what is named with its place by "examples check"', async ({ row, says }) => {
  const folder = await temporaryFolder(testScope(), 'examples');
  await writeSmallExamples(folder, 0);
  await appendFile(join(folder, 'examples.csv'), `${row}\n`);
  const contract = join(folder, 'contract.json');
  await writeFile(contract, JSON.stringify(smallContract));
  const { code, stdout } = await runCommand('starling-agent', [
    'examples',
    'check',
    folder,
    '--contract',
    contract,
    '--json',
  ]);
  expect(code).toBe(4);
  const answer = JSON.parse(stdout) as Record<string, string>;
  expect(answer).toMatchObject({ valid: false, code: 'examples/contract-broken' });
  expect(answer.message).toMatch(says);
  expect(answer.remedy).not.toBe('');
});

test('a round commits without the agents whose examples break the contract, and says why', async () => {
  const scope = testScope();
  const overrides = { cohort: { size: 3, minimum: 1 } };
  const fleet = await startFleet(scope, { agents: 1, rounds: 1, overrides });
  await writeSmallExamples(examplesFolder(fleet.folder, 1), 1);
  await appendFile(join(examplesFolder(fleet.folder, 1), 'examples.csv'), '0,0,0,99,1\n');
  await mkdir(examplesFolder(fleet.folder, 2));
  await writeFile(join(examplesFolder(fleet.folder, 2), 'examples.csv'), `${header.replace('.3', '.4')}\n`);
  for (const index of [1, 2]) {
    await startSmallAgent(scope, fleet.folder, fleet.coordinator.address, index, fleet.task.name);
  }
  const runId = await fleet.operator.start(fleet.task, 1);
  const failures = new Map<string, { readonly reason: string; readonly message: string }>();
  for await (const { kind } of fleet.operator.events(runId)) {
    if (kind?.kind === 'deviceFailed') failures.set(kind.value.deviceId, kind.value);
  }
  expect(await fleet.operator.getRun(runId)).toMatchObject({ state: 'completed', roundsCommitted: 1 });
  expect([...failures.keys()].sort()).toEqual([deviceName(1), deviceName(2)]);
  expect(failures.get(deviceName(1))).toMatchObject({ reason: 'examples' });
  expect(failures.get(deviceName(1))?.message).toMatch(/row 60 .*outside the contract's range/);
  expect(failures.get(deviceName(2))?.message).toMatch(/column "reading.3" is missing/);
  // What the operator reads says where, never what a device recorded.
  expect(failures.get(deviceName(1))?.message).not.toContain('99');
});
