/** The health check in a process of its own, which models end that no process survives. */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GraphBuilder, int, writeModel } from '@starling/engine';
import { expect, test, vi } from 'vitest';
import { systemClock } from '../../adapters/system-clock.js';
import { defaultInferenceSettings } from '../../inference/index.js';
import { scalingModel } from '../../testing/models.js';
import { temporaryFolder } from '../../testing/small-task.js';
import { defaultTrialSettings, type TrialSettings, tryInOwnProcess } from './own-process.js';

const health = {
  ...{ watchMs: 0, latencyMsMax: null, accuracyMin: null, agreementMin: null },
  ...{ errorShareMax: 0.05, crashesMax: 2, scoreDriftMax: null },
};

async function tried(
  model: Uint8Array,
  trial: Partial<TrialSettings> = {},
  signal = new AbortController().signal,
): Promise<string | undefined> {
  const path = join(await temporaryFolder(), 'model.onnx');
  await writeFile(path, model);
  return tryInOwnProcess(
    path,
    health,
    { requests: [], labelled: undefined },
    {
      trial: { ...defaultTrialSettings, ...trial },
      inference: defaultInferenceSettings,
      clock: systemClock(),
      signal,
    },
  );
}

/** Counts to 2⁶² before it answers. */
function endlessModel(): Uint8Array {
  const outer = new GraphBuilder({ name: 'endless' });
  const x = outer.input('x', 'float32', ['batch', 3]);
  const turns = outer.constant({ dataType: 'int64', shape: [], data: BigInt64Array.of(1n << 62n) });
  const goOn = outer.constant({ dataType: 'bool', shape: [], data: Uint8Array.of(1) });
  const body = new GraphBuilder({ name: 'body' });
  body.input('turn', 'int64', []);
  const again = body.input('again', 'bool', []);
  const held = body.input('held', 'float32', ['batch', 3]);
  body.output(again, 'goes_on');
  body.output(held, 'kept');
  const graph = outer.graph();
  const loop = {
    name: 'loop',
    opType: 'Loop',
    domain: '',
    inputs: [turns.name, goOn.name, x.name],
    outputs: ['y'],
    attributes: { body: { kind: 'graph', value: body.graph() } as const },
  };
  const y = { name: 'y', dataType: 'float32', shape: ['batch', 3] } as const;
  return writeModel({
    graph: { ...graph, nodes: [loop], outputs: [y] },
    opsets: { '': outer.opset },
    metadata: {},
  });
}

/** Sums 150 million numbers that it makes for each answer: 600 MB. */
function hungryModel(): Uint8Array {
  const builder = new GraphBuilder({ name: 'hungry' });
  const x = builder.input('x', 'float32', [1, 1]);
  const many = builder.op('Expand', [x, builder.ints([150, 1_000_000])]);
  const root = builder.op('Sqrt', [many]);
  builder.output(builder.op('ReduceSum', [root, builder.ints([0, 1])], { keepdims: int(1) }), 'y');
  return writeModel(builder.build());
}

/** Of the one process that tries a release. */
function pidOfTrial(): number | undefined {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8').trim();
  return children
    .split(' ')
    .filter((pid) => pid !== '')
    .map(Number)
    .find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('trial-process.js'));
}

test('what is good may serve, and what is not finite is told as in this process', async () => {
  expect(await tried(scalingModel(2))).toBeUndefined();
  expect(await tried(scalingModel(Number.NaN))).toMatch(/not finite/);
  expect(pidOfTrial()).toBeUndefined();
});

test('a model that takes the memory is ended alone', async () => {
  expect(await tried(hungryModel(), { memoryBytesMax: 250_000_000 })).toMatch(/more than 250000000 bytes/);
});

test('a model that computes without end is ended alone', async () => {
  expect(await tried(endlessModel(), { timeMsMax: 1_500 })).toMatch(/longer than 1.5 s/);
  expect(pidOfTrial()).toBeUndefined();
});

test.each(['SIGSEGV', 'SIGABRT', 'SIGKILL'] as const)(
  'a model under which its process ends by %s is told at once',
  async (signal) => {
    const fault = tried(endlessModel());
    const pid = await vi.waitFor(() => {
      const found = pidOfTrial();
      if (found === undefined) throw new Error('not yet');
      return found;
    }, 20_000);
    process.kill(pid, signal);
    expect(await fault).toBe(`It ended the process in which it was tried (${signal}).`);
  },
);

test('neither a terminal nor a supervisor that stops the agent is taken for a fault of the model', async () => {
  const controller = new AbortController();
  const fault = tried(endlessModel(), {}, controller.signal);
  const pid = await vi.waitFor(() => {
    const found = pidOfTrial();
    if (found === undefined) throw new Error('not yet');
    // Once it computes, it has said what it does with signals.
    if (!readFileSync(`/proc/${found}/maps`, 'utf8').includes('onnxruntime')) throw new Error('not yet');
    return found;
  }, 20_000);
  process.kill(pid, 'SIGTERM');
  process.kill(pid, 'SIGINT');
  controller.abort();
  await expect(fault).rejects.toMatchObject({ name: 'AbortError' });
  expect(pidOfTrial()).toBeUndefined();
});
