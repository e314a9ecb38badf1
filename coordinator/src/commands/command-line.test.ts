import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onnxruntimeInference } from '@starling/engine';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Fixture, featureCount, taskJson } from '../testing/coordinator-fixture.js';
import { runCommandLine } from './command-line.js';
import { type CommandFixture, startCommandFixture } from './testing/command-fixture.js';
import { recordingTerminal } from './testing/recording-terminal.js';

let fixture: Fixture;
let folder: string;
let starling: CommandFixture['starling'];
let takePart: CommandFixture['takePart'];
let close: CommandFixture['close'];
beforeAll(async () => {
  ({ fixture, folder, starling, takePart, close } = await startCommandFixture());
});
afterAll(() => close());

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
