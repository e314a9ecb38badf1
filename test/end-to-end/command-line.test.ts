/** The commands as scripts use them: one JSON object a line on standard output, and exit codes that say what happened. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  coordinatorFolder,
  createScope,
  examplesFolder,
  type Finished,
  type Fleet,
  freePort,
  runCommand,
  smallTask,
  startCoordinatorProcess,
  startFleet,
  startProcess,
  until,
} from '../support/index.js';

const scope = createScope();
let fleet: Fleet;
let definition: string;

beforeAll(async () => {
  const overrides = { evaluation: { federated: { everyRounds: 1, holdout: 0.2 } } };
  fleet = await startFleet(scope, { agents: 1, rounds: 2, overrides });
  definition = join(fleet.folder, 'kinds.json');
  await writeFile(definition, JSON.stringify(fleet.task));
});

afterAll(() => scope.close());

type Json = Readonly<Record<string, unknown>>;

/** Where commands find the coordinator's credentials, and the owner's key. */
function env(): Readonly<Record<string, string>> {
  return { STARLING_DATA: fleet.coordinator.folder, STARLING_HOME: fleet.folder };
}

function starling(...args: readonly string[]): Promise<Finished> {
  return runCommand('starling', [...args, '--coordinator', fleet.coordinator.address], { env: env() });
}

/** Runs a command that must go well, and gives its JSON lines. */
async function lines(...args: readonly string[]): Promise<Json[]> {
  const { code, stdout, stderr } = await starling(...args, '--json');
  expect(code, stderr).toBe(0);
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Json);
}

async function line(...args: readonly string[]): Promise<Json> {
  const all = await lines(...args);
  expect(all).toHaveLength(1);
  return all[0];
}

/** Runs a command that must fail, and gives the error it prints on standard error. */
async function failure(exitCode: number, ...args: readonly string[]): Promise<Json> {
  const { code, stdout, stderr } = await starling(...args, '--json');
  expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
  const { error } = JSON.parse(stderr) as { readonly error: Json };
  expect(error.message).toMatch(/^\S.+/s);
  return error;
}

const hash = expect.stringMatching(/^[0-9a-f]{64}$/);

test('a task is applied, listed and shown; the same again changes nothing', async () => {
  const task = {
    name: 'kinds',
    version: 1,
    parameterCount: 131,
    planManifest: { sha256: hash, sizeBytes: expect.any(Number) },
  };
  expect(await line('task', 'apply', definition)).toMatchObject({ changed: true, task });
  expect(await line('task', 'apply', definition)).toMatchObject({ changed: false, task });
  expect(await line('task', 'list')).toMatchObject({ tasks: [task] });
  const shown = await line('task', 'show', 'kinds');
  expect(shown).toMatchObject(task);
  // What is shown is the canonical form, every default filled in: it applies as the same task.
  const canonical = join(fleet.folder, 'canonical.json');
  await writeFile(canonical, JSON.stringify(shown.definition));
  expect(await line('task', 'apply', canonical)).toMatchObject({ changed: false });
});

test('a run is started, watched, listed, resumed and exported', async () => {
  await lines('task', 'apply', definition);
  const { stdout } = await starling('run', 'start', 'kinds', '--seed', '5');
  const runId = stdout.trimEnd();
  expect(runId).toMatch(/^[A-Za-z0-9._-]+$/);

  const events = await lines('run', 'watch', runId);
  const kinds = events.map(({ event }) => event);
  expect(kinds[0]).toBe('roundStarted');
  expect(kinds.filter((kind) => kind === 'roundCommitted')).toHaveLength(4);
  expect(events.at(-1)).toMatchObject({ event: 'runEnded', state: 'completed' });
  for (const event of events) {
    expect(event).toMatchObject({ sequence: expect.any(Number), atMs: expect.any(Number) });
  }

  const run = {
    runId,
    taskName: 'kinds',
    state: 'completed',
    roundsCommitted: 2,
    roundsTarget: 2,
    checkpoint: { sha256: hash, sizeBytes: 4 * 131 },
    metrics: expect.arrayContaining([
      { name: 'accuracy', value: expect.any(Number), source: 'federated', weight: expect.any(Number) },
    ]),
    bytesUploaded: 2 * 4 * 131,
    bytesDownloaded: expect.any(Number),
  };
  expect(await line('run', 'list', 'kinds')).toMatchObject({ runs: [run] });
  expect(await failure(4, 'run', 'stop', runId)).toMatchObject({ code: 'RUN_NOT_RUNNING' });
  expect(await line('run', 'resume', runId, '--rounds', '3')).toMatchObject({ runId, roundsTarget: 3 });
  await fleet.operator.ended(runId);

  const output = join(fleet.folder, 'model.onnx');
  const exported = await line('model', 'export', runId, '--output', output);
  expect(exported).toMatchObject({ path: output, round: 3, sha256: hash });
  expect((await readFile(output)).byteLength).toBe(exported.sizeBytes);
  // A file that is there is not replaced unless told.
  await failure(2, 'model', 'export', runId, '--output', output);
  expect(await line('model', 'export', runId, '--output', output, '--force')).toEqual(exported);
});

test('a running run is stopped', async () => {
  await lines('task', 'apply', definition);
  const { runId } = await line('run', 'start', 'kinds', '--rounds', '100000');
  expect(await line('run', 'stop', String(runId))).toMatchObject({ runId, state: 'stopped' });
});

test('the status tells of the fleet', async () => {
  const status = await until('the agent', async () => {
    const found = await line('status');
    return found.devicesSeen === 1 ? found : undefined;
  });
  expect(status).toMatchObject({ version: expect.any(String), runsRunning: 0 });
  expect(status.memoryBytes).toBeGreaterThan(1e7);
});

test('what cannot be done is an error with a code, a sentence, a remedy and an exit code', async () => {
  expect(await failure(4, 'run', 'watch', 'nothing')).toMatchObject({ code: 'RUN_UNKNOWN' });
  expect(await failure(4, 'run', 'start', 'nothing')).toMatchObject({ code: 'TASK_UNKNOWN' });
  const broken = join(fleet.folder, 'broken.yaml');
  await writeFile(broken, 'name: kinds\nmodle: mlp\n');
  const invalid = await failure(2, 'task', 'apply', broken);
  expect(invalid).toMatchObject({ code: 'TASK_INVALID' });
  expect(invalid.message).toMatch(/line 2: modle: .*did you mean "model"/);
  const { code, stderr } = await starling('run', 'strat', 'kinds');
  expect(code).toBe(2);
  expect(stderr).toMatch(/Did you mean start\?/);
  const away = await runCommand('starling', ['status', '--coordinator', '127.0.0.1:1', '--json'], {
    env: env(),
  });
  expect(away.code).toBe(3);
  expect(JSON.parse(away.stderr)).toMatchObject({ error: { code: 'UNAVAILABLE' } });
});

test('an agent names what it holds, and a second one on its state directory is refused', async () => {
  const state = join(fleet.folder, 'state-0');
  const { code, stdout } = await runCommand('starling-agent', ['status', '--state', state, '--json']);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toMatchObject({ device: 'device-0', updateWaiting: null });
  const second = await runCommand('starling-agent', [
    'run',
    '--coordinator',
    fleet.coordinator.address,
    '--state',
    state,
    '--examples',
    `kinds=${examplesFolder(fleet.folder, 0)}`,
    '--json',
  ]);
  expect(second.code).toBe(2);
  expect(JSON.parse(second.stderr)).toMatchObject({ error: 'agent/state-in-use' });
});

test('a task that does not fit its own model is refused before it reaches the coordinator', async () => {
  const path = join(fleet.folder, 'contradiction.json');
  const task = smallTask({ agents: 1 });
  await writeFile(path, JSON.stringify({ ...task, model: { ...task.model, inputShape: [5] } }));
  const error = await failure(2, 'task', 'apply', path);
  expect(error.message).toMatch(/one example has 4 numbers, but the model's input \[5\] takes 5/);
});

test('watching a run outlives its coordinator, and shows every event once', async () => {
  const own = createScope();
  try {
    const port = await freePort();
    const { coordinator, operator, task, folder } = await startFleet(own, { agents: 1, rounds: 12, port });
    const runId = await operator.start(task, 3);
    const watcher = startProcess(
      own,
      'starling',
      ['run', 'watch', runId, '--coordinator', coordinator.address, '--json'],
      { STARLING_DATA: coordinatorFolder(folder) },
    );
    await watcher.lineWhere('a committed round', (text) => text.includes('"roundCommitted"'));
    await coordinator.end('SIGKILL');
    await startCoordinatorProcess(own, { folder: coordinatorFolder(folder), port });
    await watcher.lineWhere('the end of the run', (text) => text.includes('"runEnded"'));
    const shown = watcher.lines().filter((text) => text.startsWith('{'));
    const sequences = shown.map((text) => (JSON.parse(text) as { sequence: number }).sequence);
    expect(sequences).toEqual([...new Set(sequences)].sort((a, b) => a - b));
    expect(shown.filter((text) => text.includes('"roundCommitted"'))).toHaveLength(12);
  } finally {
    await own.close();
  }
}, 60_000);

test('a folder where nobody can make any is refused at once', async () => {
  const { code, stderr } = await runCommand('starling', ['serve', '--data', '/proc/starling', '--json']);
  expect(code).not.toBe(0);
  expect(JSON.parse(stderr)).toMatchObject({
    error: { code: 'FOLDER_UNUSABLE', remedy: expect.any(String) },
  });
}, 20_000);
