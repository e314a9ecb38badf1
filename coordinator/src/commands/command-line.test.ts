import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onnxruntimeInference } from '@starling/engine';
import {
  acceptSnapshot,
  acceptTargets,
  acceptTimestamp,
  type ReleaseRole,
  releaseTarget,
  trustRoot,
} from '@starling/federation';
import { createClient, type ReleaseHealth, ReleaseService } from '@starling/proto';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import {
  type Fixture,
  featureCount,
  startFixture,
  taskJson,
  temporaryFolder,
} from '../testing/coordinator-fixture.js';
import { takePart as takePartOnce } from '../testing/scripted-device.js';
import { runCommandLine } from './command-line.js';
import { recordingTerminal } from './testing/recording-terminal.js';

let fixture: Fixture;
let folder: string;
beforeAll(async () => {
  fixture = await startFixture();
  folder = await temporaryFolder();
  await writeFile(join(folder, 'toy.json'), taskJson());
  await starling(['key', 'create']);
});
afterAll(async () => {
  await fixture.close();
  await rm(folder, { recursive: true });
});
afterEach(() => vi.restoreAllMocks());

/** Runs one command line against the fixture, or wherever `env` says. */
async function starling(args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const { host, port } = fixture.coordinator.address;
  const { terminal, text } = recordingTerminal({
    STARLING_COORDINATOR: `${host}:${port}`,
    STARLING_DATA: fixture.folder,
    STARLING_HOME: folder,
    ...env,
  });
  const printed: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
  const exitCode = await runCommandLine(args, terminal);
  return { exitCode, ...text, help: printed.join('\n') };
}

/** Three devices that take part until the run ends. */
async function takePart(rounds: number): Promise<void> {
  await Promise.all(
    ['d-1', 'd-2', 'd-3'].map(async (deviceId) => {
      for (let round = 0; round < rounds; round += 1) {
        await takePartOnce(fixture, deviceId);
      }
    }),
  );
}

test('a task is applied, unchanged the second time, listed and shown', async () => {
  const file = join(folder, 'toy.json');
  const first = await starling(['task', 'apply', file, '--json']);
  expect(first).toMatchObject({ exitCode: 0, err: '' });
  expect(JSON.parse(first.out)).toMatchObject({ changed: true, task: { name: 'toy', version: 1 } });
  expect((await starling(['task', 'apply', file])).out).toContain('unchanged, at version 1');
  expect((await starling(['task', 'list'])).out).toMatch(/^TASK +VERSION +PARAMETERS/);
  expect(JSON.parse((await starling(['task', 'list', '--json'])).out).tasks).toHaveLength(1);
  const shown = await starling(['task', 'show', 'toy']);
  expect(shown.out).toContain('learningRate: 0.1');
  // What is shown can be applied again.
  await writeFile(join(folder, 'shown.yaml'), shown.out);
  expect((await starling(['task', 'apply', join(folder, 'shown.yaml')])).out).toContain('unchanged');
});

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
    expect((await run('release', 'submit', at('root.json'))).out).toContain('Version 1 of root.json');

    const publish = ['release', 'publish', join(folder, 'toy.json'), '--name', 'pump', '--release', '1'];
    await run(...publish, '--key', at('a.key'), '--output', at('targets.json'));
    expect((await run('release', 'submit', at('targets.json'))).err).toContain('has 1 signatures');
    await run('release', 'sign', at('targets.json'), '--key', at('b.key'));
    expect((await run('release', 'submit', at('targets.json'))).out).toContain('Version 1 of targets.json');

    // One of them is left, with somebody new: what is released must have their signatures first.
    const c = await publicKeyOf('c.key');
    const root = ['release', 'root', '--remove-key', b, '--add-key', c, '--output', at('root-2.json')];
    const signers = ['a', 'b', 'c'].flatMap((name) => ['--key', at(`${name}.key`)]);
    expect((await run(...root, ...signers)).err).toContain('release renew');
    expect((await run('release', 'renew', ...signers)).out).toContain('is signed until');
    expect((await run(...root, ...signers)).exitCode).toBe(0);
    expect((await run('release', 'submit', at('root-2.json'))).out).toContain('Version 2 of root.json');
    const others = [...publish.slice(0, -1), '2', '--key', at('a.key'), '--key', at('c.key')];
    expect((await run(...others)).out).toContain('is released');
    expect((await run('release', 'sign', at('a.key'))).err).toContain('neither a root nor targets');
  } finally {
    await own.close();
  }
});

test('a run is started, watched to its end, listed, and its model exported', async () => {
  await starling(['task', 'apply', join(folder, 'toy.json')]);
  const started = await starling(['run', 'start', 'toy', '--seed', '5', '--rounds', '2']);
  expect(started.exitCode).toBe(0);
  const runId = started.out.trim();
  expect(runId).toMatch(/^[A-Za-z0-9._-]+$/);
  const [watched] = await Promise.all([starling(['run', 'watch', runId, '--json']), takePart(2)]);
  expect(watched.exitCode).toBe(0);
  const events = watched.out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(events.filter(({ event }) => event === 'roundCommitted')).toHaveLength(2);
  expect(events.at(-1)).toMatchObject({ event: 'runEnded', state: 'completed' });

  const listed = JSON.parse((await starling(['run', 'list', 'toy', '--json'])).out);
  expect(listed.runs[0]).toMatchObject({ runId, state: 'completed', roundsCommitted: 2 });
  expect((await starling(['run', 'list'])).out).toContain('2/2');

  const output = join(folder, 'exported.onnx');
  const exported = await starling(['model', 'export', runId, '-o', output, '--json']);
  const file = await readFile(output);
  expect(JSON.parse(exported.out)).toEqual({
    path: output,
    round: 2,
    sha256: createHash('sha256').update(file).digest('hex'),
    sizeBytes: file.length,
  });
  const session = await onnxruntimeInference.load(file);
  expect(await session.predict(new Float32Array(featureCount), 1)).toHaveLength(3);
  await session.release();

  const again = await starling(['model', 'export', runId, '-o', output]);
  expect(again).toMatchObject({ exitCode: 2, out: '' });
  expect(again.err).toContain('exists already');
  expect((await starling(['model', 'export', runId, '-o', output, '--force'])).exitCode).toBe(0);
  expect((await readdir(folder)).filter((name) => name.endsWith('.partial'))).toEqual([]);
});

const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

test('a release carries its contract and where it is from, all of it signed', async () => {
  const model = join(folder, 'exported.onnx');
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
  const [run] = JSON.parse((await starling(['run', 'list', 'toy', '--json'])).out).runs;
  expect(lineages['fan/1']).toMatchObject({
    task: { name: 'toy', version: 1 },
    run: { id: run.runId, round: 2, checkpointSha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
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

test('a download goes on where another stopped, and starts afresh where that was damaged', async () => {
  await starling(['task', 'apply', join(folder, 'toy.json')]);
  const runId = (await starling(['run', 'start', 'toy', '--rounds', '1'])).out.trim();
  await Promise.all([starling(['run', 'watch', runId]), takePart(1)]);
  const whole = join(folder, 'whole.onnx');
  await starling(['model', 'export', runId, '-o', whole]);
  const file = await readFile(whole);
  const hash = createHash('sha256').update(file).digest('hex');

  const resumed = join(folder, 'resumed.onnx');
  await writeFile(`${resumed}.${hash.slice(0, 16)}.partial`, file.subarray(0, 100));
  expect((await starling(['model', 'export', runId, '-o', resumed])).exitCode).toBe(0);
  expect(await readFile(resumed)).toEqual(file);

  const damaged = join(folder, 'damaged.onnx');
  await writeFile(`${damaged}.${hash.slice(0, 16)}.partial`, Buffer.alloc(100, 1));
  const refused = await starling(['model', 'export', runId, '-o', damaged, '--json']);
  expect(JSON.parse(refused.err).error.code).toBe('ARTIFACT_DAMAGED');
  await expect(readFile(damaged)).rejects.toThrow('ENOENT');
  expect((await starling(['model', 'export', runId, '-o', damaged])).exitCode).toBe(0);
  expect(await readFile(damaged)).toEqual(file);
});

test('a run is stopped, resumed and stopped', async () => {
  await starling(['task', 'apply', join(folder, 'toy.json')]);
  const runId = (await starling(['run', 'start', 'toy'])).out.trim();
  expect((await starling(['run', 'stop', runId])).out).toContain(`"starling run resume ${runId}"`);
  const resumed = JSON.parse((await starling(['run', 'resume', runId, '--rounds', '9', '--json'])).out);
  expect(resumed).toMatchObject({ state: 'running', roundsTarget: 9 });
  expect(JSON.parse((await starling(['run', 'stop', runId, '--json'])).out)).toMatchObject({
    state: 'stopped',
  });
});

test('Ctrl-C ends the watching, not the run', async () => {
  await starling(['task', 'apply', join(folder, 'toy.json')]);
  const runId = (await starling(['run', 'start', 'toy'])).out.trim();
  const { host, port } = fixture.coordinator.address;
  const { terminal, text, interrupt } = recordingTerminal({
    STARLING_COORDINATOR: `${host}:${port}`,
    STARLING_DATA: fixture.folder,
  });
  const watching = runCommandLine(['run', 'watch', runId, '--json'], terminal);
  await expect.poll(() => text.out).toContain('roundStarted');
  interrupt();
  expect(await watching).toBe(130);
  expect(text.err).toContain('The run goes on');
  const { runs } = JSON.parse((await starling(['run', 'list', '--json'])).out);
  expect(runs.find((run: { runId: string }) => run.runId === runId)).toMatchObject({ state: 'running' });
  await starling(['run', 'stop', runId]);
});

test('status tells what the coordinator is doing', async () => {
  expect((await starling(['status'])).out).toContain('check-ins held open');
  expect(JSON.parse((await starling(['status', '--json'])).out)).toMatchObject({ version: '0.1.0' });
});

test('a coordinator that is not there: exit code 3, and how to start one', async () => {
  const env = { STARLING_COORDINATOR: '127.0.0.1:1' };
  const { exitCode, out, err } = await starling(['run', 'list'], env);
  expect({ exitCode, out }).toEqual({ exitCode: 3, out: '' });
  expect(err).toContain('No coordinator answers at 127.0.0.1:1.');
  expect(err).toContain('starling serve --port 1');
  const json = await starling(['run', 'list', '--json'], env);
  expect(JSON.parse(json.err)).toMatchObject({ error: { code: 'UNAVAILABLE' } });
});

test('what the coordinator refuses: exit code 4, its sentence and its remedy', async () => {
  const { exitCode, err } = await starling(['run', 'start', 'no-such-task']);
  expect(exitCode).toBe(4);
  expect(err).toContain('no-such-task');
});

test('a faulty task is refused before anything is sent, each fault with its line', async () => {
  const file = join(folder, 'faulty.yaml');
  await writeFile(file, `${taskJson().slice(0, -1)},\n"cohrt": {}}`);
  const { exitCode, err } = await starling(['task', 'apply', file], { STARLING_COORDINATOR: '127.0.0.1:1' });
  expect(exitCode).toBe(2);
  expect(err).toContain('line 2: cohrt: unknown key "cohrt", did you mean "cohort"?');
  const missing = await starling(['task', 'apply', join(folder, 'none.yaml')]);
  expect(missing).toMatchObject({ exitCode: 2 });
  expect(missing.err).toContain('none.yaml cannot be read');
});

test.each([
  [['run', 'lst'], 'Did you mean list?'],
  [['run', 'list', '--coordnator', 'x'], 'Unknown argument: coordnator'],
  [[], 'Say what to do'],
  [['task'], 'Say what to do with tasks'],
  [['run', 'start', 'toy', '--rounds', 'many'], '--rounds must be a whole number'],
  [['run', 'start', 'toy', '--seed', '-1'], '--seed must be a whole number from 0'],
  [['serve', '--port', '70000'], '--port must be a whole number from 0 to 65535'],
  [['demo', '--agents', '0'], '--agents must be a whole number from 1 to 100'],
])('wrong use %j: exit code 2 and what is wrong', async (args, sentence) => {
  const { exitCode, out, err } = await starling(args);
  expect({ exitCode, out }).toEqual({ exitCode: 2, out: '' });
  expect(err).toContain(sentence);
});

test('serve says where it listens, serves, frees its folder when asked to end, and refuses one in use', async () => {
  const data = join(folder, 'served');
  await mkdir(data);
  const { terminal, text, interrupt } = recordingTerminal();
  const args = ['serve', '--data', data, '--port', '0', '--log-level', 'silent', '--json'];
  const serving = runCommandLine(args, terminal);
  await expect.poll(() => text.out).toContain('\n');
  const { event, host, port } = JSON.parse(text.out);
  expect(event).toBe('serving');
  const status = await starling(['status'], {
    STARLING_COORDINATOR: `${host}:${port}`,
    STARLING_DATA: data,
  });
  expect(status.exitCode).toBe(0);
  const second = await starling(args);
  expect(second.exitCode).toBe(2);
  expect(JSON.parse(second.err)).toMatchObject({ error: { code: 'FOLDER_IN_USE' } });
  interrupt();
  expect(await serving).toBe(0);
});
