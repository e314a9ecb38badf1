import { appendFile, readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVirtualClock } from '@starling/federation';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../adapters/system-clock.js';
import { joinedRecorder } from '../../testing/recorder.js';
import { temporaryFolder } from '../../testing/small-task.js';
import { openFilesSource } from './files.js';

const log = { info() {}, warn() {}, error() {} };

test('files put into a folder are taken once they are whole, and what has no known ending is set aside', async () => {
  const { store, recorder: made } = await joinedRecorder();
  const folder = await temporaryFolder();
  const source = await openFilesSource({ folder, recorder: made, clock: systemClock(), log, everyMs: 5 });
  onTestFinished(() => source.close());
  await writeFile(join(folder, 'm1.csv.part'), 'x\n0.1\n0.2\n');
  await writeFile(join(folder, 'photo.png'), 'x');
  await vi.waitFor(async () => expect(await readdir(folder)).toEqual(['m1.csv.part', 'photo.png.rejected']));
  expect(store.statistics('t').examples).toBe(0);
  await rename(join(folder, 'm1.csv.part'), join(folder, 'm1.csv'));
  await vi.waitFor(async () => expect(await readdir(folder)).toEqual(['photo.png.rejected']));
  expect([...store.examples('t', 'all')].map(({ source }) => source)).toEqual(['m1', 'm1']);
});

test('a file that is still copied is taken whole, and one of the same name that comes meanwhile is taken too', async () => {
  const { store, recorder: made } = await joinedRecorder();
  const folder = await temporaryFolder();
  const clock = createVirtualClock(0);
  let done: (() => void) | undefined;
  let recording = 0;
  const slow = {
    ...made,
    async record(...given: Parameters<typeof made.record>) {
      recording += 1;
      const recorded = await made.record(...given);
      await new Promise<void>((resolve) => {
        done = resolve;
      });
      return recorded;
    },
  };
  const source = await openFilesSource({ folder, recorder: slow, clock, log, everyMs: 1000 });
  onTestFinished(() => source.close());
  const path = join(folder, 'm1.csv');
  /** The next look is scheduled once one is over. */
  const looked = () => vi.waitFor(() => expect(clock.nextDue()).toBeDefined(), 20_000);
  const look = async (): Promise<void> => {
    clock.runNext();
    await looked();
  };
  /** Looks, and comes back once a file is stored and not yet removed. */
  const taken = async (): Promise<() => void> => {
    done = undefined;
    clock.runNext();
    await vi.waitFor(() => expect(done).toBeDefined(), 20_000);
    return () => done?.();
  };
  await looked();
  await writeFile(path, 'x\n0.1\n');
  await look();
  await appendFile(path, '0.2\n');
  await look();
  expect(recording).toBe(0);
  const removeFirst = await taken();
  expect(store.statistics('t').examples).toBe(2);
  // Its name is free for the next one.
  await writeFile(path, 'x\n0.3\n');
  removeFirst();
  await looked();
  expect(await readdir(folder)).toEqual(['m1.csv']);
  await look();
  const removeSecond = await taken();
  expect(recording).toBe(2);
  removeSecond();
  await looked();
  expect(await readdir(folder)).toEqual([]);
  expect(store.statistics('t').examples).toBe(3);
});

test('a file that an agent had taken when it ended, or could not store, is taken again', async () => {
  const { store, database, recorder: made } = await joinedRecorder();
  const folder = await temporaryFolder();
  await writeFile(join(folder, '.m1.json.taken'), '{"id":"a","x":0.5}');
  await writeFile(join(folder, 'm2.json'), '{"id":"b","x":0.5}');
  database.exec(`
    CREATE TEMP TRIGGER disk_full BEFORE INSERT ON examples BEGIN SELECT RAISE(FAIL, 'the disk is full'); END`);
  const warnings: unknown[] = [];
  const attentive = { ...log, warn: (fields: object) => void warnings.push(fields) };
  const source = await openFilesSource({
    ...{ folder, recorder: made, clock: systemClock(), log: attentive, everyMs: 5 },
  });
  onTestFinished(() => source.close());
  await vi.waitFor(() => expect(warnings).toHaveLength(2));
  database.exec('DROP TRIGGER temp.disk_full');
  await vi.waitFor(async () => expect(await readdir(folder)).toEqual([]));
  expect(store.statistics('t').examples).toBe(2);
});

test('a folder of files that nobody can make is refused with what to do', async () => {
  const { recorder: made } = await joinedRecorder();
  const opened = openFilesSource({ folder: '/proc/starling/in', recorder: made, clock: systemClock(), log });
  await expect(opened).rejects.toMatchObject({
    code: 'agent/configuration',
    message: expect.stringMatching(/\/proc\/starling\/in cannot be made; name another by "files"/),
  });
});
