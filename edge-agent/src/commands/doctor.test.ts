import { mkdir, statfs, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createVirtualClock } from '@starling/federation';
import { expect, onTestFinished, test, vi } from 'vitest';
import { releaseRepository } from '../testing/release-repository.js';
import { smallExamples, temporaryFolder } from '../testing/small-task.js';
import { doctor, type Finding } from './doctor.js';
import { checkReleaseSpace } from './doctor-releases.js';

async function examine(folder: string, configuration: object) {
  const config = join(folder, 'agent.yaml');
  await writeFile(config, JSON.stringify(configuration));
  let written = '';
  const spy = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    written += text;
    return true;
  });
  onTestFinished(() => spy.mockRestore());
  const code = await doctor({ config }, true);
  spy.mockRestore();
  const findings: readonly Finding[] = written
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  return { code, findings, of: (check: string) => findings.find((finding) => finding.check === check) };
}

/** The first root of a fleet, signed at that time and for a year. */
function rootOf(signedMs: number): Uint8Array {
  const repository = releaseRepository(createVirtualClock(signedMs));
  const root = repository.files.get('root/1');
  if (root === undefined) throw new Error('the repository has no root');
  return root;
}

test('a device that only trains is configured well without a model', async () => {
  const folder = await temporaryFolder();
  const examples = { sides: await smallExamples() };
  const found = await examine(folder, { coordinator: 'localhost:7443', state: join(folder, 's'), examples });
  expect(found.code).toBe(0);
  expect(found.of('configuration')).toMatchObject({ state: 'good' });
  expect(found.of('release root')).toBeUndefined();
});

test('the root of releases is there, is one, and has not expired; otherwise it says what to do', async () => {
  const folder = await temporaryFolder();
  const root = join(folder, 'root.json');
  const configuration = {
    coordinator: 'localhost:7443',
    state: join(folder, 'state'),
    inference: { models: join(folder, 'models') },
    releases: { root },
  };
  await mkdir(join(folder, 'models'));
  const missing = await examine(folder, configuration);
  expect(missing.code).toBe(2);
  expect(missing.of('release root')).toMatchObject({
    state: 'wrong',
    message: expect.stringMatching(/root\.json cannot be read .*releases\.root/),
  });
  await writeFile(root, '{"signed": {}, "signatures": []}');
  expect((await examine(folder, configuration)).of('release root')).toMatchObject({
    state: 'wrong',
    message: expect.stringContaining('is no root of releases'),
  });
  await writeFile(root, rootOf(Date.UTC(2020, 0, 1)));
  const expired = await examine(folder, configuration);
  expect(expired.code).toBe(0);
  expect(expired.of('release root')).toMatchObject({
    state: 'warning',
    message: expect.stringContaining('newer root'),
  });
  await writeFile(root, rootOf(Date.now()));
  const sound = await examine(folder, configuration);
  expect(sound.of('release root')).toMatchObject({ state: 'good' });
  expect(sound.of('release space')).toMatchObject({ check: 'release space' });
});

test('a disk with too little room for another version of the largest model is told', async () => {
  const folder = await temporaryFolder();
  const version = join(folder, 'models', 'pump', '1');
  await mkdir(version, { recursive: true });
  await writeFile(join(version, 'model.onnx'), 'small');
  const state = join(folder, 'not', 'there', 'yet');
  const { bavail, bsize } = await statfs(folder);
  // It has a size and takes no room.
  await truncate(join(version, 'model.onnx'), Math.min(bavail * bsize, 2 ** 43));
  expect(await checkReleaseSpace(state, join(folder, 'models'))).toMatchObject({
    state: 'warning',
    message: expect.stringMatching(/^Only \d+ MB are free .*; make room/),
  });
});

test('each fault is told, with its key, whatever else is wrong', async () => {
  const folder = await temporaryFolder();
  const x = { name: 'x', dataType: 'float32', shape: [], range: [-1, 1] };
  const target = { kind: 'class', name: 'side', classes: 2 };
  await writeFile(join(folder, 'x.yaml'), JSON.stringify({ features: [x], target, missing: { x: 500 } }));
  const found = await examine(folder, {
    inference: { models: join(folder, 'models') },
    ingestion: {
      broker: { url: 'mqtt://localhost', passwordFile: 'secret' },
      recordings: { x: { contract: 'x.yaml' }, y: { contract: 'y.yaml' } },
    },
  });
  expect(found.code).toBe(2);
  const wrong = (check: string, message: string) =>
    expect(found.of(check)).toMatchObject({ state: 'wrong', message: expect.stringContaining(message) });
  wrong('configuration', '"state"');
  wrong('broker', '"ingestion.broker.passwordFile"');
  wrong('recording x', 'missing.x: 500 is outside');
  wrong('recording y', 'y.yaml cannot be read');
  expect(found.of('models')).toBeDefined();
});

test('a device that is to train and lacks everything is told all of it', async () => {
  const { findings } = await examine(await temporaryFolder(), { coordinator: 'nowhere' });
  const messages = findings.filter(({ check }) => check === 'configuration').map(({ message }) => message);
  expect(messages).toEqual([
    expect.stringContaining('"coordinator"'),
    expect.stringContaining('"state"'),
    expect.stringContaining('"examples"'),
  ]);
});
