import { readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVirtualClock } from '@starling/federation';
import { expect, test, vi } from 'vitest';
import { describeStanding, knownStanding } from '../commands/describe-standing.js';
import type { Log } from '../connection/shell.js';
import { temporaryFolder } from '../testing/small-task.js';
import { createPublisher, readStanding } from './index.js';
import { afterConditions, initialStanding } from './standing.js';

const silent: Log = { info() {}, warn() {}, error() {} };

async function publishing(stateFolder: string, log = silent) {
  const clock = createVirtualClock(1_000_000);
  return { clock, publisher: createPublisher({ stateFolder, processId: 77, clock, log }) };
}

test('the newest standing is there for its owner alone, however often it changed, also after the end', async () => {
  const folder = await temporaryFolder();
  const { clock, publisher } = await publishing(folder);
  expect(await readStanding(folder)).toBeUndefined();
  const first = initialStanding(true, 5, null);
  publisher.publish(first);
  await vi.waitFor(async () => expect(await readStanding(folder)).toMatchObject(first));
  for (const reason of ['battery', 'load', 'hours']) {
    publisher.publish(afterConditions(first, [reason], false, 6));
  }
  clock.advance(1_000);
  await vi.waitFor(async () =>
    expect(await readStanding(folder)).toMatchObject({ processId: 77, training: { reasons: ['hours'] } }),
  );
  publisher.publish(first);
  await publisher.close();
  expect(await readStanding(folder)).toMatchObject(first);
  expect((await stat(join(folder, 'standing.json'))).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(['standing.json']);
});

test('where it cannot be written the agent goes on, and says so once', async () => {
  const folder = join(await temporaryFolder(), 'gone');
  const warnings: string[] = [];
  const log = { ...silent, warn: (_fields: object, message: string) => void warnings.push(message) };
  const { publisher } = await publishing(folder, log);
  publisher.publish(initialStanding(true, 5, null));
  await publisher.close();
  publisher.publish(initialStanding(true, 6, null));
  await publisher.close();
  expect(warnings).toEqual(['What "status" tells of this agent could not be written.']);
});

test.each(['', '{', '{"processId":1}', '[]'])('a damaged file (%j) is no standing', async (text) => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'standing.json'), text);
  expect(await readStanding(folder)).toBeUndefined();
});

test('status tells a standing of an agent that is gone from one that holds', async () => {
  const folder = await temporaryFolder();
  const { publisher } = await publishing(folder);
  publisher.publish(initialStanding(true, 5, null));
  await publisher.close();
  const published = await readStanding(folder);
  expect(describeStanding(knownStanding(published, 77)).join('\n')).not.toContain('does not run');
  expect(describeStanding(knownStanding(published, 78)).join('\n')).toContain('does not run');
  expect(describeStanding(knownStanding(published, undefined))[0]).toContain(
    'as of 1970-01-01T00:16:40.000Z',
  );
  expect(describeStanding(undefined)).toEqual([]);
});
