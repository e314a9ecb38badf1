import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createSystemClock } from '../adapters/index.js';
import { smallScenario } from '../testing/small-scenario.js';
import { runCommandLine } from './command-line.js';

let folder: string;
let scenario: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-sim-commands-'));
  scenario = join(folder, 'scenario.yaml');
  await writeFile(scenario, JSON.stringify(smallScenario()));
});
afterAll(() => rm(folder, { recursive: true }));

async function command(...args: readonly string[]) {
  const [out, err] = [new PassThrough(), new PassThrough()];
  const clock = createSystemClock();
  const { signal } = new AbortController();
  const code = await runCommandLine(args, { out, err, env: {}, clock, signal });
  out.end();
  err.end();
  return { code, out: await text(out), err: await text(err) };
}

test('a run, its report and its comparison', async () => {
  const output = join(folder, 'run');
  const ran = await command('run', scenario, '-o', output, '--workers', '1', '--json');
  expect(ran.code).toBe(0);
  const lines = ran.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(lines).toHaveLength(5);
  expect(lines.at(-1)).toMatchObject({ rounds: 4, output });
  const columns = await readFile(join(output, 'metrics.parquet'));
  const rows = await parquetReadObjects({ file: new Uint8Array(columns).buffer });
  expect(rows.map(({ uploadBytes }) => uploadBytes)).toEqual(
    lines.slice(0, 4).map(({ uploadBytes }) => uploadBytes),
  );
  expect(await command('run', scenario, '-o', output)).toMatchObject({
    code: 2,
    err: expect.stringContaining('--resume'),
  });
  expect(await command('run', '--resume', output)).toMatchObject({
    code: 0,
    err: expect.stringContaining('has ended'),
  });
  expect((await command('report', output)).out).toBe(`${join(output, 'report.html')}\n`);
  expect((await stat(join(output, 'report.html'))).size).toBeGreaterThan(50_000);
  for (const [format, file] of [
    ['parquet', /metrics\.parquet$/],
    ['tensorboard', /events\.out\.tfevents\.\d+\.starling$/],
    ['mlflow', /mlruns\/0\/[0-9a-f]{32}$/],
  ] as const) {
    const exported = await command('export', output, '--format', format, '--json');
    const { written } = JSON.parse(exported.out);
    expect(written).toMatch(file);
    expect((await stat(written)).size).toBeGreaterThan(0);
  }
  const compared = await command('compare', output, '--json');
  expect(JSON.parse(compared.out)).toMatchObject({ run: 'run', rounds: 4, strategy: 'fedavg' });
});

test('successive halving ends most candidates early', async () => {
  const output = join(folder, 'sweep');
  const vary = ['--vary', 'training.learningRate=0.001,0.1', '--vary', 'seed=1,2'];
  const swept = await command(
    'sweep',
    scenario,
    ...vary,
    '--halving',
    '2',
    '-o',
    output,
    '--workers',
    '1',
    '--json',
  );
  expect(swept.code).toBe(0);
  const rows = swept.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(
    rows
      .slice(0, 4)
      .map(({ rounds }) => rounds)
      .sort(),
  ).toEqual([1, 1, 2, 4]);
  expect(rows[4].best).toContain('learningRate=0.1');

  // What was run is not run again.
  const some = await command('sweep', scenario, ...vary, '--random', '2', '-o', output, '--json');
  expect(some.code).toBe(0);
  expect(some.out.trim().split('\n')).toHaveLength(3);
});

test('a partition is drawn: a row a client, a column a class', async () => {
  const path = join(folder, 'digits.yaml');
  const shards = { kind: 'shards', clients: 100 };
  const digits = { data: 'mnist', partition: shards, model: { builtin: '2nn' } };
  await writeFile(path, JSON.stringify(smallScenario(digits)));
  const rows = (await command('partition', path, '--json')).out.trim().split('\n');
  const held = rows.map((row): readonly number[] => JSON.parse(row).counts);
  expect(held).toHaveLength(100);
  // Of 600 examples in two shards, which may lie across the end of a class each.
  for (const counts of held) {
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(600);
    expect(counts.filter((count) => count > 0).length).toBeLessThanOrEqual(4);
  }
  const lines = (await command('partition', '--show', path, '--clients', '3')).out.trim().split('\n');
  expect(lines[0]).toContain('100 clients hold 600 to 600 examples');
  expect(lines).toHaveLength(2 + 3 + 1);
  const drawn = lines[2].slice(7, 27).match(/../g) ?? [];
  expect(drawn.map((cell) => cell !== '  ')).toEqual(held[0].map((count) => count > 0));
});

test('what is refused leaves no folder in the way of what is mended', async () => {
  const path = join(folder, 'refused.yaml');
  const output = join(folder, 'refused');
  await writeFile(path, JSON.stringify(smallScenario({ strategy: 'scaffold' }), undefined, 1));
  const refused = await command('run', path, '-o', output, '--mode', 'protocol');
  expect(refused).toMatchObject({
    code: 2,
    err: expect.stringMatching(/line \d+: strategy: a coordinator does not/),
  });
  await expect(stat(output)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a candidate that diverges ends nothing but itself', async () => {
  const output = join(folder, 'sweep-diverging');
  const rates = ['--vary', 'training.learningRate=1e38,0.1,0.01'];
  const swept = await command('sweep', scenario, ...rates, '--halving', '2', '-o', output, '--json');
  expect(swept).toMatchObject({
    code: 0,
    err: expect.stringMatching(/learningRate=1e_38 {2}diverged: .*training diverged/),
  });
  expect(JSON.parse(swept.out.trim().split('\n').at(-1) ?? '')).toMatchObject({ best: 'learningRate=0.1' });
  const hopeless = ['sweep', scenario, '--vary', 'training.learningRate=1e38'];
  expect(await command(...hopeless, '-o', join(folder, 'hopeless'))).toMatchObject({
    code: 1,
    err: expect.stringContaining('every candidate diverged'),
  });
});

test('a candidate that cannot be run is refused before any other starts', async () => {
  const [file, output] = [join(folder, 'parts.yaml'), join(folder, 'sweep-refused')];
  await writeFile(
    file,
    'name: parts\ndata: mnist\npartition: { kind: shards, clients: 100 }\nmodel: { builtin: 2nn }\ntraining: { learningRate: 0.1 }\ncohort: { size: 2 }\nstop: { rounds: 1 }\n',
  );
  expect(
    await command('sweep', file, '--vary', 'partition.shardsPerClient=2,1000', '-o', output),
  ).toMatchObject({
    code: 2,
    err: expect.stringMatching(
      /shardsPerClient=1000 cannot be run, so nothing was started\.\n.*\n.*line 3: partition\.clients: this takes 100000/,
    ),
  });
  await expect(stat(output)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a run in which no update counts says so', async () => {
  const late = join(folder, 'late.yaml');
  await writeFile(late, JSON.stringify({ ...smallScenario(), devices: { deadlineSeconds: 1e-6 } }));
  expect(await command('run', late, '-o', join(folder, 'late'))).toMatchObject({
    code: 0,
    err: expect.stringContaining('No update was counted in any round'),
  });
});

test('a folder where nobody can make any is refused at once', async () => {
  const nowhere = '/proc/starling/run';
  const run = join(folder, 'run-to-export');
  expect(await command('run', scenario, '-o', run)).toMatchObject({ code: 0 });
  for (const args of [
    ['run', scenario, '-o', nowhere],
    ['sweep', scenario, '--vary', 'seed=1,2', '-o', nowhere],
    ['export', run, '--format', 'parquet', '-o', nowhere],
    ['hall', '--folder', nowhere],
  ]) {
    expect(await command(...args)).toMatchObject({
      code: 2,
      err: expect.stringMatching(new RegExp(`${nowhere}.* cannot be .*Choose another`, 's')),
    });
  }
});

test('what is wrong is told with what to do', async () => {
  expect(await command('run', join(folder, 'nowhere.yaml'))).toMatchObject({ code: 2 });
  expect((await command('run')).err).toContain('Say which scenario to run');
  expect((await command('run', folder)).err).toContain('is a folder, not a file');
  const pipe = join(folder, 'pipe.yaml');
  execFileSync('mkfifo', [pipe]);
  for (const name of ['run', 'reproduce']) {
    expect((await command(name, pipe)).err).toMatch(/is a pipe or a device, not a file/);
  }
  const wide = join(folder, 'wide.yaml');
  await writeFile(wide, Buffer.from('name: wide', 'utf16le').fill(0xff, 0, 2));
  expect((await command('run', wide)).err).toContain('is not text in UTF-8');
  expect(await command('run', scenario, '-o', join(scenario, 'run'))).toMatchObject({
    code: 2,
    err: expect.stringMatching(/cannot be written: EEXIST.*Choose another folder/s),
  });
  expect((await command('reproduce', join(folder, 'nowhere.yaml'))).err).toContain('cannot be read: ENOENT');
  expect((await command('faults', '--minutes', '0')).err).toContain('--minutes must be above 0');
  expect((await command('partition', scenario, '--clients', 'all')).err).toContain('--clients must be');
  expect((await command('rn', scenario)).err).toContain('Did you mean run?');
  expect((await command('report', folder)).err).toContain("is not a run's folder");
  const sweep = ['sweep', scenario, '--vary', 'seed=1,2'];
  expect((await command(...sweep, '--random', '0')).err).toContain('--random must be a whole number');
  expect((await command(...sweep, '--metric', 'acuracy')).err).toContain(
    'Say which by --metric: loss, accuracy',
  );
  const both = await command('run', scenario, '--resume', folder);
  expect(both).toMatchObject({ code: 2, err: expect.stringContaining('mutually exclusive') });
  const twice = await command('run', scenario, '-o', 'one', '-o', 'two');
  expect(twice).toMatchObject({ code: 2, err: expect.stringContaining('is given more than once') });
  const valueless = await command('sweep', scenario, '--vary');
  expect(valueless).toMatchObject({ code: 2, err: expect.stringContaining('Not enough arguments') });
  const synthetic = await command('partition', scenario);
  expect(synthetic).toMatchObject({ code: 2, err: expect.stringContaining('no partition to show') });
});
