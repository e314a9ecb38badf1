import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imagePixels, openExamplesFolder, readMnist } from '@starling/engine';
import { afterEach, expect, onTestFinished, test, vi } from 'vitest';
import { createSystemClock } from '../adapters/index.js';
import { drawImages, drawingStyle, imagesAbreast } from './draw.js';
import { writeExamples } from './mnist.js';
import { checkDemoOptions, type DemoOptions } from './options.js';
import { isAlive, startProcess, stopProcesses } from './processes.js';
import { demoTask } from './task.js';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'starling-demo-test-'));
  folders.push(folder);
  return folder;
}

const options: DemoOptions = {
  agents: 10,
  rounds: 5,
  iid: false,
  epsilon: undefined,
  distributed: false,
  seed: 1,
  strategy: undefined,
  encoding: 'float32',
  secureAggregation: true,
  bits: 8,
  rotation: true,
  targetAccuracy: undefined,
  folder: undefined,
  keep: false,
  agent: undefined,
  json: false,
};

test('what is written for an agent is what the engine reads under the task’s contract', async () => {
  const digits = await readMnist('t10k');
  expect(digits.count).toBe(10_000);
  const folder = await temporaryFolder();
  const indices = Uint32Array.of(9999, 3, 17);
  await writeExamples(folder, digits, indices);
  const source = await openExamplesFolder(folder, demoTask(options, '/test').contract);
  expect(source.count).toBe(3);
  const features = new Float32Array(3 * imagePixels);
  const targets = new Int32Array(3);
  source.readFeatures(Uint32Array.of(0, 1, 2), features);
  source.readTargets(Uint32Array.of(0, 1, 2), targets);
  expect([...targets]).toEqual([...indices].map((index) => digits.labels[index]));
  const pixels = [...indices].flatMap((index) => [
    ...digits.images.subarray(index * imagePixels, (index + 1) * imagePixels),
  ]);
  expect(features).toEqual(Float32Array.from(pixels, (pixel) => pixel * (1 / 255)));
});

test('the task is valid for every split, strategy and encoding', () => {
  for (const strategy of [undefined, 'fedavg', 'fedprox', 'fedavgm', 'fedadagrad', 'fedadam', 'fedyogi']) {
    for (const encoding of ['float32', 'stochastic-quantization'] as const) {
      const task = demoTask({ ...options, strategy, encoding, agents: 3, targetAccuracy: 0.9 }, '/test');
      expect(task.strategy.kind).toBe(strategy ?? 'fedavgm');
      expect(task.encoding.kind).toBe(encoding);
      expect(task.cohort).toMatchObject({ size: 3, minimum: 3 });
      expect(task.stop.target).toEqual({ metric: 'accuracy', source: 'central', value: 0.9 });
    }
  }
  expect(demoTask({ ...options, iid: true }, '/test').strategy.kind).toBe('fedavg');
});

test.each([
  [{ agents: 0 }, '--agents must be a whole number from 1 to 100'],
  [{ agents: 101 }, '--agents'],
  [{ agents: 2.5 }, '--agents'],
  [{ agents: Number.NaN }, '--agents'],
  [{ rounds: 0 }, '--rounds must be a whole number from 1'],
  [{ seed: -1 }, '--seed'],
  [{ targetAccuracy: 95 }, '--target-accuracy must be above 0 and at most 1'],
  [{ strategy: 'fedsgd' }, '--strategy must be one of fedavg'],
])('refuses %j', (changes, sentence) => {
  expect(() => checkDemoOptions({ ...options, ...changes })).toThrow(sentence);
});

const checker = Uint8Array.of(0, 255, 255, 0);

test('draws no more images side by side than the terminal is wide', () => {
  expect([20, 57, 58, 80, 87, 88, 120].map((columns) => imagesAbreast(columns, 28))).toEqual([
    1, 1, 2, 2, 2, 3, 4,
  ]);
});

test('draws two pixels a character in colour, with a reset at the end of each line', () => {
  const [line, ...rest] = drawImages([checker], 2, 'colour');
  expect(rest).toEqual([]);
  expect(line).toBe('\u001b[38;5;232m\u001b[48;5;255m▀\u001b[38;5;255m\u001b[48;5;232m▀\u001b[0m');
});

test('draws shades side by side where there is no colour, and plain characters on a dumb terminal', () => {
  const dark = new Uint8Array(4);
  const light = new Uint8Array(4).fill(255);
  expect(drawImages([light, dark, light], 2, 'shades')).toEqual(['██      ██']);
  expect(drawImages([light, dark, light], 2, 'ascii')).toEqual(['##      ##']);
  expect(drawImages([light], 2, 'ascii').join('')).toMatch(/^[ -~]*$/);
});

test.each([
  [{ TERM: 'xterm-256color', LANG: 'C.UTF-8' }, true, 'colour'],
  [{ TERM: 'xterm-256color', LANG: 'C.UTF-8', NO_COLOR: '1' }, true, 'shades'],
  [{ TERM: 'xterm-256color', LANG: 'C.UTF-8' }, false, 'shades'],
  [{ TERM: 'dumb', LANG: 'C.UTF-8' }, true, 'ascii'],
  [{ TERM: 'vt100', LANG: 'POSIX' }, true, 'ascii'],
] as const)('%j, terminal: %s → %s', (env, isTerminal, style) => {
  expect(drawingStyle(env, isTerminal)).toBe(style);
});

test('stopping ends processes that listen and those that do not, and waits until all are gone', async () => {
  const folder = await temporaryFolder();
  const start = (name: string, code: string) =>
    startProcess(name, '--eval', [code], join(folder, `${name}.log`), 'pipe');
  const ready = 'process.stdout.write("ready\\n"); setInterval(() => {}, 1e6);';
  const polite = start('polite', ready);
  const deaf = start('deaf', `process.on("SIGTERM", () => {}); ${ready}`);
  const over = start('over', 'process.stdout.write("ready\\n")');
  // All at once: what a process wrote is thrown away when it exits before somebody listens.
  await Promise.all([polite, deaf, over].map(({ child }) => once(child.stdout ?? child, 'data')));
  await over.gone;
  await stopProcesses([polite, deaf, over], createSystemClock());
  expect([polite, deaf, over].map(({ child }) => isAlive(child))).toEqual([false, false, false]);
  expect(polite.child.signalCode).toBe('SIGTERM');
  expect(deaf.child.signalCode).toBe('SIGKILL');
  expect(over.child.exitCode).toBe(0);
});

test('what a demo started ends by itself when the demo is killed', async () => {
  const folder = await temporaryFolder();
  const [child, parent] = [join(folder, 'child.mjs'), join(folder, 'parent.mjs')];
  const ended = join(folder, 'ended');
  await writeFile(
    child,
    `import { writeFileSync } from 'node:fs';
     process.on('SIGTERM', () => { writeFileSync(${JSON.stringify(ended)}, 'in order'); process.exit(); });
     setInterval(() => {}, 60_000);
     console.log('up');`,
  );
  const processes = new URL('../../dist/demo/processes.js', import.meta.url).href;
  await writeFile(
    parent,
    `import { startProcess } from ${JSON.stringify(processes)};
     const { child } = startProcess('child', ${JSON.stringify(child)}, [], ${JSON.stringify(join(folder, 'log'))}, 'pipe');
     child.stdout.once('data', () => console.log(child.pid));`,
  );
  const demo = spawn(process.execPath, [parent], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [told] = await once(demo.stdout, 'data');
  const pid = Number(String(told).trim());
  onTestFinished(() => {
    if (exists(pid)) process.kill(pid, 'SIGKILL');
  });
  expect(exists(pid)).toBe(true);
  demo.kill('SIGKILL');
  await vi.waitFor(async () => expect(await readFile(ended, 'utf8')).toBe('in order'), 10_000);
});

function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
