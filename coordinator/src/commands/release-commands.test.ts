import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  acceptSnapshot,
  acceptTargets,
  acceptTimestamp,
  type ReleaseRole,
  releaseTarget,
  trustRoot,
} from '@starling/federation';
import { createClient, type ReleaseHealth, ReleaseService } from '@starling/proto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, startFixture } from '../testing/coordinator-fixture.js';
import { type CommandFixture, startCommandFixture } from './testing/command-fixture.js';

let fixture: Fixture;
let folder: string;
let starling: CommandFixture['starling'];
let takePart: CommandFixture['takePart'];
let close: CommandFixture['close'];
beforeAll(async () => {
  ({ fixture, folder, starling, takePart, close } = await startCommandFixture());
});
afterAll(() => close());

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test('a model is released, and a rollout brings it to devices, goes on as they report, and goes back', async () => {
  const model = join(folder, 'pump.onnx');
  await writeFile(model, 'any content: what a device makes of it is the device’s to say');
  expect((await starling(['release', 'publish', model, '--name', 'pump', '--release', '1'])).err).toContain(
    'no root',
  );
  expect((await starling(['release', 'init'])).out).toContain('signed by 1 of 1 keys');
  expect((await starling(['release', 'init'])).err).toContain('has a root already');
  for (const release of ['1', '2']) {
    const published = await starling(['release', 'publish', model, '--name', 'pump', '--release', release]);
    expect(published).toMatchObject({ exitCode: 0, out: expect.stringContaining('is released') });
  }
  const again = await starling(['release', 'publish', model, '--name', 'pump', '--release', '2']);
  expect(again.err).toContain('released already');
  expect((await starling(['rollout', 'start', 'pump', '3'])).err).toContain(
    'Version 3 of pump is not released',
  );

  const device = createClient(ReleaseService, await fixture.deviceConnection('gateway'));
  const report = async (version: number, health: ReleaseHealth) =>
    (
      await device.reportReleases({
        deviceId: 'gateway',
        running: version === 0 ? [] : [{ name: 'pump', version, health, reason: '' }],
      })
    ).wanted;
  const rollout = ['rollout', 'start', 'pump', '1', '--stages', '100', '--failures', '0'];
  expect((await starling(rollout)).out).toContain('version 1 of pump is running, at 100 %');
  expect(await report(0, 'trying')).toEqual([{ name: 'pump', version: 1 }]);
  await report(1, 'proven');
  expect((await starling(['release', 'status'])).out).toMatch(
    /pump 1 +completed +100 % of the fleet +1 of 1/,
  );

  expect(
    (await starling(['rollout', 'start', 'pump', '2', '--stages', '100', '--failures', '0'])).exitCode,
  ).toBe(0);
  expect((await starling(['rollout', 'pause', 'pump', '--json'])).out).toContain('"state":"paused"');
  expect((await starling(['rollout', 'resume', 'pump'])).out).toContain('is running');
  expect(await report(2, 'trying')).toEqual([{ name: 'pump', version: 2 }]);
  // It fails on one device, and none was allowed: everybody goes back.
  expect(await report(2, 'failed')).toEqual([{ name: 'pump', version: 1 }]);
  expect((await starling(['rollout', 'abort', 'pump'])).err).toContain('is stopped');

  // What a device reads is what it would believe.
  const { content: root } = await device.getReleaseFile({ role: 'root', version: 1 });
  let trusted = trustRoot(root);
  const nowMs = Date.now();
  const file = async (role: ReleaseRole) => (await device.getReleaseFile({ role, version: 0 })).content;
  trusted = acceptTimestamp(trusted, await file('timestamp'), nowMs);
  trusted = acceptSnapshot(trusted, await file('snapshot'), nowMs);
  trusted = acceptTargets(trusted, await file('targets'), nowMs);
  const sha256 = createHash('sha256')
    .update(await readFile(model))
    .digest('hex');
  expect(releaseTarget(trusted, 'pump/2/model.onnx', nowMs)).toMatchObject({ sha256 });
});

test('two people sign releases, each where their key is, and a root takes one of them away', async () => {
  const own = await startFixture();
  try {
    const { host, port } = own.coordinator.address;
    const env = { STARLING_COORDINATOR: `${host}:${port}`, STARLING_DATA: own.folder };
    const at = (name: string) => join(own.folder, name);
    const run = (...args: readonly string[]) => starling(args, env);
    const publicKeyOf = async (name: string): Promise<string> =>
      JSON.parse((await run('key', 'create', '--out', at(name), '--json')).out).publicKey;
    await publicKeyOf('a.key');
    const b = await publicKeyOf('b.key');
    const init = ['release', 'init', '--key', at('a.key'), '--public-key', b, '--threshold', '2'];
    expect((await run(...init)).err).toContain('is not signed by 2');
    expect((await run(...init, '--output', at('root.json'))).out).toContain('waits for further signatures');
    expect((await run('release', 'sign', at('root.json'), '--key', at('b.key'))).out).toContain(
      '2 signatures',
    );
    expect((await run('release', 'publish', at('root.json'))).out).toContain('Version 1 of root.json');

    const pump = [join(folder, 'toy.json'), '--name', 'pump', '--release', '1', '--key', at('a.key')];
    expect((await run('release', 'publish', ...pump)).err).toContain('has 1 signatures');
    const created = await run('release', 'create', ...pump, '-o', at('pump-1.tar'));
    expect(created.out).toContain('signed by 1 of the 2 keys that are needed');
    expect((await run('release', 'publish', at('pump-1.tar'))).err).toContain('has 1 signatures');
    expect((await run('release', 'sign', at('pump-1.tar'), '--key', at('b.key'))).out).toContain(
      '(version 1 of pump) has 2 signatures',
    );
    expect((await run('release', 'publish', at('pump-1.tar'))).out).toContain(
      'Version 1 of pump is released',
    );

    // One of them is left, with somebody new: what is released must have their signatures first.
    const c = await publicKeyOf('c.key');
    const root = ['release', 'root', '--remove-key', b, '--add-key', c, '--output', at('root-2.json')];
    const signers = ['a', 'b', 'c'].flatMap((name) => ['--key', at(`${name}.key`)]);
    expect((await run(...root, ...signers)).err).toContain('release renew');
    expect((await run('release', 'renew', ...signers)).out).toContain('is signed until');
    expect((await run(...root, ...signers)).exitCode).toBe(0);
    expect((await run('release', 'publish', at('root-2.json'))).out).toContain('Version 2 of root.json');
    const next = [join(folder, 'toy.json'), '--name', 'pump', '--release', '2', '--key', at('a.key')];
    expect((await run('release', 'publish', ...next, '--key', at('c.key'))).out).toContain('is released');
    const { metadata } = JSON.parse((await run('release', 'status', '--json')).out);
    expect(metadata).toMatchObject([
      { role: 'root', version: 2, threshold: 2, keys: [expect.any(String), c], signatures: 2 },
      { role: 'targets', version: 3, threshold: 2, signatures: 2 },
    ]);
    expect((await run('release', 'status')).out).toMatch(/targets +3 +2 of 2 +2 +2\d{3}-/);
  } finally {
    await own.close();
  }
});

test('a release carries its contract and where it is from, all of it signed', async () => {
  await starling(['task', 'apply', join(folder, 'toy.json')]);
  const runId = (await starling(['run', 'start', 'toy', '--rounds', '2'])).out.trim();
  await Promise.all([starling(['run', 'watch', runId]), takePart(2)]);
  const model = join(folder, 'exported.onnx');
  await starling(['model', 'export', runId, '-o', model]);
  const report = join(folder, 'exported.report.json');
  const figures = { method: 'static', sizeRatio: 3.6, qualityDrop: 0.001 };
  const modelSha256 = sha256Of(await readFile(model));
  await writeFile(report, JSON.stringify({ modelSha256, ...figures }));
  const publish = ['release', 'publish', model, '--name', 'fan', '--release', '1'];
  const wrong = {
    features: [{ name: 'x', dataType: 'float32', shape: [9], range: [0, 1] }],
    target: { kind: 'class', name: 'y', classes: 3 },
  };
  await writeFile(join(folder, 'wrong.yaml'), JSON.stringify(wrong));
  expect((await starling([...publish, '--contract', join(folder, 'wrong.yaml')])).err).toContain(
    'An example of the contract has 9 numbers',
  );
  expect((await starling([...publish, '--run', 'other'])).err).toContain('not of other');
  expect((await starling(publish)).exitCode).toBe(0);

  const { files, lineages } = JSON.parse((await starling(['release', 'status', '--json'])).out);
  const hashOf = (file: string) =>
    files.find(({ path }: { readonly path: string }) => path === `fan/1/${file}`)?.sha256;
  expect(lineages['fan/1']).toMatchObject({
    task: { name: 'toy', version: 1 },
    run: { id: runId, round: 2, checkpointSha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    planSha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    contractSha256: hashOf('contract.yaml'),
    quantization: { ...figures, reportSha256: sha256Of(await readFile(report)) },
    publishedBy: [expect.stringMatching(/^[\w-]{43}$/)],
    tools: { starling: expect.any(String), node: expect.any(String) },
  });
  expect(hashOf('lineage.json')).toMatch(/^[0-9a-f]{64}$/);
  expect((await starling(['release', 'status'])).out).toMatch(/fan 1 .* toy +\S+, round 2, static /);

  // A report of another model says nothing of this one.
  await writeFile(report, JSON.stringify({ modelSha256: '0'.repeat(64), ...figures }));
  expect((await starling([...publish.slice(0, -1), '2', '--report', report])).err).toContain('no report of');
  expect((await starling([...publish.slice(0, -1), '2'])).exitCode).toBe(0);
  const again = JSON.parse((await starling(['release', 'status', '--json'])).out);
  expect(again.lineages['fan/2'].quantization).toBeNull();
});
