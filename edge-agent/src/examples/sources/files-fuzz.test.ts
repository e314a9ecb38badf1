/** Whatever is put into the folder of examples: taken, or set aside, and nothing keeps the good files from being taken. */

import { execFileSync } from 'node:child_process';
import { chmod, mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVirtualClock } from '@starling/federation';
import fc from 'fast-check';
import { expect, onTestFinished, test, vi } from 'vitest';
import { fuzzRuns, fuzzTimeoutMs } from '../../testing/fuzz-runs.js';
import { hostilePayload } from '../../testing/hostile-payloads.js';
import { checkNothingPilesUp, type MemoryUse, memoryUse } from '../../testing/memory.js';
import { hostileTarget, refusedRows, testRecorder } from '../../testing/recorder.js';
import { temporaryFolder } from '../../testing/small-task.js';
import { openFilesSource } from './files.js';

const looks = fuzzRuns(20);
const filesEach = 100;

async function door() {
  const clock = createVirtualClock(Date.UTC(2026, 0, 1));
  const { recorder, store } = await testRecorder(hostileTarget, { clock, isHasty: true });
  const folder = await temporaryFolder();
  const warnings: string[] = [];
  const source = await openFilesSource({
    ...{ folder, recorder, clock, everyMs: 1000 },
    log: { info() {}, warn: (_fields, message) => void warnings.push(message), error() {} },
  });
  onTestFinished(() => source.close());
  const ids = () => new Set([...store.examples('t', 'all')].map(({ id }) => id));
  const good = (id: string): Promise<void> =>
    writeFile(join(folder, `good-${id}.json`), JSON.stringify({ id, x: 0.5, p: [1, 2] }));
  /** Looks again and again until nothing is left that is to be taken. */
  const taken = (isTaken: (name: string) => boolean): Promise<void> =>
    vi.waitFor(
      async () => {
        clock.advance(1000);
        const left = (await readdir(folder)).filter((name) => !isTaken(name));
        if (left.length > 0) throw new Error(`${left.slice(0, 3)} are left`);
      },
      { timeout: fuzzTimeoutMs(20_000), interval: 2 },
    );
  return { folder, store, warnings, ids, good, taken };
}

test(
  'thousands of hostile files',
  async () => {
    const { folder, store, ids, good, taken } = await door();
    const name = fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom('m1', 'm2', '__proto__') },
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }).map((text) => text.replace(/[/\0]/g, '-')),
    );
    const ending = fc.constantFrom('.json', '.jsonl', '.csv', '.f32', '.JSON', '.constructor', '', '.txt');
    const files = fc.array(fc.tuple(name, ending, hostilePayload), {
      ...{ minLength: filesEach, maxLength: filesEach, size: 'max' },
    });
    let run = 0;
    let before: MemoryUse | undefined;
    await fc.assert(
      fc.asyncProperty(files, async (given) => {
        if (run === looks / 2) before = await memoryUse();
        await Promise.all(
          given.map(([stem, end, content], index) =>
            writeFile(join(folder, `f${run}-${index}-${stem}${end}`), content),
          ),
        );
        await good(`${run}`);
        await taken((left) => /\.(rejected|part|tmp)$/.test(left));
        expect(ids().has(`${run}`)).toBe(true);
        run += 1;
      }),
      { numRuns: looks, endOnFailure: true },
    );
    if (before !== undefined) await checkNothingPilesUp(before);
    expect(refusedRows(store)).toBeGreaterThan(300);
    for (let at = 0; at < looks; at++) expect(ids().has(`${at}`)).toBe(true);
  },
  fuzzTimeoutMs(60_000),
);

test('what is no file at all, or cannot be read, keeps no other from being taken', async () => {
  const { folder, warnings, ids, good, taken } = await door();
  await mkdir(join(folder, 'a.json'));
  await symlink('/dev/zero', join(folder, 'b.json'));
  await symlink('/nowhere', join(folder, 'c.csv'));
  execFileSync('mkfifo', [join(folder, 'd.f32')]);
  await writeFile(join(folder, 'e.json'), '{}');
  await chmod(join(folder, 'e.json'), 0);
  await good('z');
  const rejected = ['a.json', 'b.json', 'c.csv', 'd.f32'].map((name) => `${name}.rejected`);
  // Root reads what nobody may read; anybody else leaves it where it is, and says so once.
  await taken((left) => rejected.includes(left) || left === 'e.json');
  expect(ids().has('z')).toBe(true);
  expect(warnings.filter((text) => text.includes('is no file'))).toHaveLength(4);
  expect(await readdir(folder)).toEqual(expect.arrayContaining(rejected));
});
