import { execFile } from 'node:child_process';
import { mkdtemp, open, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createSeededEntropy, uniform } from '@starling/federation';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isTar, readTar, TarError, type TarMember, tarParts } from './tar.js';

const run = promisify(execFile);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tar-'));
});
afterAll(() => rm(folder, { recursive: true }));

const members: readonly TarMember[] = [
  { path: 'targets.json', content: Buffer.from('{}') },
  { path: `${'n'.repeat(64)}/4294967295/model.from-4294967294.delta`, content: Buffer.alloc(513, 7) },
  { path: 'pump/1/empty', content: Buffer.alloc(0) },
  { path: 'pump/1/block', content: Buffer.alloc(512, 1) },
];

async function readBack(bytes: Uint8Array, membersMax = 8, bytesMax = 10_000): Promise<readonly TarMember[]> {
  const path = join(folder, 'read.tar');
  await writeFile(path, bytes);
  const file = await open(path);
  try {
    return await readTar(file, { membersMax, bytesMax });
  } finally {
    await file.close();
  }
}

test('what is written is read back, by tar itself too, and the other way round', async () => {
  const bytes = Buffer.concat([...tarParts(members)]);
  expect(isTar(bytes)).toBe(true);
  expect(isTar(Buffer.from('{"signed":{}}'))).toBe(false);
  expect(await readBack(bytes)).toEqual(members);

  const path = join(folder, 'written.tar');
  await writeFile(path, bytes);
  await run('tar', ['-xf', path, '-C', folder]);
  for (const member of members) {
    expect(Buffer.from(member.content).equals(await readFile(join(folder, member.path)))).toBe(true);
  }
  const theirs = join(folder, 'theirs.tar');
  await run('tar', ['--format=ustar', '-cf', theirs, '-C', folder, ...members.map((member) => member.path)]);
  expect(await readBack(await readFile(theirs))).toEqual(members);
});

test('paths that have no place in a header are refused', () => {
  for (const path of ['', 'a/', 'n'.repeat(101), `${'p'.repeat(156)}/a`]) {
    expect(() => [...tarParts([{ path, content: Buffer.alloc(0) }])]).toThrow(/no place in a tar header/);
  }
});

test('links, folders, too many files and lengths beyond the end are refused', async () => {
  await run('ln', ['-sf', '/etc/hostname', join(folder, 'link')]);
  const path = join(folder, 'link.tar');
  await run('tar', ['--format=ustar', '-cf', path, '-C', folder, 'link']);
  await expect(readBack(await readFile(path))).rejects.toThrow('"link" is no regular file');
  const bytes = Buffer.concat([...tarParts(members)]);
  await expect(readBack(bytes, 3)).rejects.toThrow('more than 3 files');
  await expect(readBack(bytes, 8, 1026)).rejects.toThrow('more than 1026 bytes');
  const twice = Buffer.concat([
    ...tarParts([...members, { path: 'targets.json', content: Buffer.from('[]') }]),
  ]);
  await expect(readBack(twice)).rejects.toThrow('"targets.json" is in it twice');
  await expect(readBack(bytes.subarray(0, 1500))).rejects.toThrow('it ends at byte 1500');
  await expect(readBack(bytes.subarray(0, -1024))).rejects.toThrow(TarError);
});

test('an archive of holes is refused before it takes memory', async () => {
  const path = join(folder, 'holes.tar');
  const [header] = tarParts([{ path: 'targets.json', content: Buffer.alloc(0) }]);
  const claims = Buffer.from(header);
  claims.write('70000000000', 124);
  claims.fill(0x20, 148, 156);
  const sum = claims.reduce((total, byte) => total + byte, 0);
  claims.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  await writeFile(path, claims);
  await truncate(path, 2 ** 33);
  const file = await open(path);
  const limits = { membersMax: 8, bytesMax: 2 ** 20 };
  await expect(readTar(file, limits).finally(() => file.close())).rejects.toThrow('more than 1048576 bytes');
});

test('1,000 damaged archives are read or refused as archives, and nothing else happens', async () => {
  const bytes = Buffer.concat([...tarParts(members)]);
  const entropy = createSeededEntropy('damaged archives');
  let refused = 0;
  for (let at = 0; at < 1_000; at++) {
    const damaged = Buffer.from(bytes).subarray(
      0,
      at % 3 === 0 ? uniform(entropy) * bytes.byteLength : undefined,
    );
    for (let flips = 0; flips < 1 + (at % 4) && damaged.byteLength > 0; flips++) {
      damaged[Math.floor(uniform(entropy) * damaged.byteLength)] = Math.floor(uniform(entropy) * 256);
    }
    const outcome = await readBack(damaged).catch((error: unknown) => error);
    if (outcome instanceof Error) {
      expect(outcome).toBeInstanceOf(TarError);
      refused += 1;
    }
  }
  expect(refused).toBeGreaterThan(500);
});
