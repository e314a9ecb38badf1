import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CommandFixture, startCommandFixture } from './testing/command-fixture.js';

const run = promisify(execFile);

let fixture: CommandFixture;
let at: (name: string) => string;
const release = (...args: readonly string[]) => fixture.starling(['release', ...args]);
beforeAll(async () => {
  fixture = await startCommandFixture();
  at = (name) => join(fixture.folder, name);
  await writeFile(at('pump.onnx'), 'any content: what a device makes of it is the device’s to say');
  await writeFile(at('drift.json'), '{}');
});
afterAll(() => fixture.close());

test('a release is made into a file, which tells nothing to the coordinator, is looked into, and is published', async () => {
  const pump = [at('pump.onnx'), '--name', 'pump', '--release', '1', '--accuracy', '0.9', '--crashes', '0'];
  const create = ['create', ...pump, '--drift', at('drift.json'), '-o', at('pump-1.tar')];
  expect((await release(...create)).err).toContain('no root yet');
  await release('init');
  const held = () => readdir(join(fixture.fixture.folder, 'artifacts'), { recursive: true });
  const heldBefore = await held();
  const created = await release(...create);
  expect(created).toMatchObject({
    exitCode: 0,
    out: expect.stringContaining('holds version 1 of pump, signed by 1 of the 1 keys that are needed'),
    err: expect.stringContaining(`release publish ${at('pump-1.tar')}`),
  });
  expect(created.err).toContain('no feature contract');
  const status = async () => JSON.parse((await release('status', '--json')).out);
  expect(await status()).toMatchObject({ metadata: [{ role: 'root' }], files: [] });
  expect(await held()).toEqual(heldBefore);

  // Any tar shows what is signed.
  await mkdir(at('unpacked'));
  await run('tar', ['-xf', at('pump-1.tar'), '-C', at('unpacked')]);
  const unpacked = (name: string) => readFile(at(`unpacked/${name}`), 'utf8');
  expect(await unpacked('pump/1/model.onnx')).toBe(await readFile(at('pump.onnx'), 'utf8'));
  expect(JSON.parse(await unpacked('pump/1/release.json'))).toMatchObject({
    ...{ name: 'pump', version: 1, task: null },
    health: { accuracyMin: 0.9, latencyMsMax: null, errorShareMax: 0.05, crashesMax: 0, watchMs: 600_000 },
  });
  expect(Object.keys(JSON.parse(await unpacked('targets.json')).signed.targets).sort()).toEqual(
    ['drift.json', 'lineage.json', 'model.onnx', 'release.json'].map((name) => `pump/1/${name}`),
  );

  expect((await release('publish', at('pump-1.tar'), '--json')).out).toBe(
    `${JSON.stringify({
      ...{ name: 'pump', version: 1 },
      files: ['drift.json', 'lineage.json', 'model.onnx', 'release.json'],
      targetsVersion: 1,
    })}\n`,
  );
  expect((await status()).files).toHaveLength(4);
  expect((await held()).length).toBeGreaterThan(heldBefore.length);
  expect((await release('publish', at('pump-1.tar'))).err).toContain('is published already');
});

test('what was made before something else was published is not published over it', async () => {
  const pump = (version: string) => [at('pump.onnx'), '--name', 'pump', '--release', version];
  expect((await release('create', ...pump('2'), '-o', at('pump-2.tar'))).exitCode).toBe(0);
  expect((await release('publish', ...pump('3'))).exitCode).toBe(0);
  const late = await release('publish', at('pump-2.tar'));
  expect(late.err).toContain('does not follow version 2 of targets.json');
  expect(late.err).toContain('Make it again');
  expect((await release('create', ...pump('3'), '-o', at('pump-3.tar'))).err).toContain('released already');
});

test('a file that stands there is not replaced, and a key that is not there or not the root’s is told', async () => {
  const pump = ['create', at('pump.onnx'), '--name', 'pump', '--release', '4'];
  await writeFile(at('mine.tar'), 'mine');
  expect((await release(...pump, '-o', at('mine.tar'))).err).toContain('exists already');
  expect((await release('renew', '-o', at('mine.tar'))).err).toContain('exists already');
  expect(await readFile(at('mine.tar'), 'utf8')).toBe('mine');
  expect((await release(...pump, '-o', at('nowhere/pump.tar'))).err).toContain('There is no folder');
  expect((await release(...pump, '-o', at('new.tar'), '--key', at('none.key'))).err).toContain(
    'There is no key in',
  );
  await fixture.starling(['key', 'create', '--out', at('builder.key')]);
  const unsigned = await release(...pump, '-o', at('new.tar'), '--key', at('builder.key'));
  expect(unsigned.out).toContain('signed by 0 of the 1 keys');
  expect(unsigned.err).toContain(`release sign ${at('new.tar')}`);
  expect((await release('publish', at('new.tar'))).err).toContain('has 0 signatures');
  // The owner of the root signs what somebody else built.
  expect((await release('sign', at('new.tar'))).out).toContain('has 2 signatures');
  expect((await release('publish', at('new.tar'))).out).toContain('Version 4 of pump is released');
});

test('what is no release, or not as it was made, is refused with its place', async () => {
  const pump = [at('pump.onnx'), '--name', 'pump', '--release', '5'];
  await release('create', ...pump, '-o', at('pump-5.tar'));
  for (const command of ['sign', 'publish']) {
    expect((await release(command, at('pump.onnx'))).err).toContain('neither a release nor a root');
    expect((await release(command, at('nothing.tar'))).err).toContain('cannot be read');
    expect((await release(command, fixture.folder)).err).toContain('it is no file');
  }
  expect((await release('publish', at('pump.onnx'))).err).toContain('--name and --release');

  const unpacked = at('unpacked-5');
  await mkdir(unpacked);
  await run('tar', ['-xf', at('pump-5.tar'), '-C', unpacked]);
  const packed = async (...names: readonly string[]) => {
    await rm(at('packed.tar'), { force: true });
    await run('tar', ['--format=ustar', '-cf', at('packed.tar'), '-C', unpacked, ...names]);
    return (await release('sign', at('packed.tar'))).err;
  };
  const own = ['lineage', 'release'].map((name) => `pump/5/${name}.json`);
  const all = ['targets.json', 'pump/5/model.onnx', ...own];
  const held = JSON.parse(await readFile(join(unpacked, 'targets.json'), 'utf8')).signed.targets;
  const files = Object.keys(held).filter((path) => path.startsWith('pump/5/'));
  const deltas = files.filter((path) => path.endsWith('.delta'));
  expect(await packed(...all, ...deltas)).toBe('');
  expect(await packed(...all.slice(1))).toContain('it has no targets.json');
  expect(await packed(...all.filter((path) => !path.endsWith('lineage.json')), ...deltas)).toContain(
    '"pump/5/lineage.json" is missing',
  );
  expect(await packed('targets.json')).toContain('it has no release.json');
  await writeFile(join(unpacked, 'other'), '');
  expect(await packed(...all, ...deltas, 'other')).toContain('do not name "other"');
  await writeFile(join(unpacked, 'pump/5/model.onnx'), 'another model');
  expect(await packed(...all, ...deltas)).toContain('"pump/5/model.onnx" is not what its targets name');
});

test('a release is described whole or not at all, and what is signed is no model', async () => {
  const signed = at('pump-5.tar');
  const pump = ['--name', 'pump', '--release', '6'];
  expect((await release('publish', signed, ...pump)).err).toContain('is no model');
  expect((await release('publish', signed, '--accuracy', '0.9')).err).toContain('--accuracy describes');
  expect((await release('publish', signed, '--no-delta')).err).toContain('--delta describes');
  expect((await release('publish', at('pump.onnx'), '--name', 'pump')).err).toContain('--release is missing');
  expect((await release('publish', signed, '-o', at('x'))).err).toContain('Unknown argument');
  expect((await release('create', at('pump.onnx'), ...pump)).err).toContain('output');
  expect((await release('create', at('pump.onnx'), '-o', at('x'))).err).toContain('name');
  const strange = ['create', at('pump.onnx'), '--name', 'a/b', '--release', '1', '-o', at('x')];
  expect((await release(...strange)).err).toContain('is no name of a release');
});

test('a signature that does not hold is refused by the coordinator, whatever the file claims', async () => {
  const targets = JSON.parse(await readFile(join(at('unpacked-5'), 'targets.json'), 'utf8'));
  targets.signed.expires = '2099-01-01T00:00:00Z';
  await writeFile(at('forged.json'), JSON.stringify(targets));
  const refused = await release('publish', at('forged.json'), '--json');
  expect(JSON.parse(refused.err).error).toMatchObject({ code: 'RELEASE_SIGNATURES_MISSING' });
});
