import { readFileSync } from 'node:fs';
import { type ExampleSource, onnxruntimeTraining } from '@starling/engine';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../adapters/system-clock.js';
import { smallTask } from '../../testing/small-task.js';
import { defaultIsolation, type Gate, isolatedTraining } from './runtime.js';

const { plan, parameters } = smallTask();
const examples: ExampleSource = {
  count: 4000,
  readFeatures(indices, out) {
    for (const [row, index] of indices.entries()) {
      out[2 * row] = Math.sin(index);
      out[2 * row + 1] = Math.cos(3 * index);
    }
  },
  readTargets(indices, out) {
    for (const [row, index] of indices.entries()) out[row] = Math.sin(index) > 0 ? 1 : 0;
  },
};
const common = { parameters, examples, learningRate: 0.1, seed: 5 };

function switchable(): Gate & { set(reasons: readonly string[]): void } {
  const listeners = new Set<() => void>();
  let current: readonly string[] = [];
  return {
    get reasons() {
      return current;
    },
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    set(reasons) {
      current = reasons;
      for (const listener of listeners) listener();
    },
  };
}

async function isolated(gate?: Gate, memoryBytesMax = defaultIsolation.memoryBytesMax) {
  const runtime = isolatedTraining({
    settings: { ...defaultIsolation, memoryBytesMax },
    gate,
    clock: systemClock(),
  });
  const session = await runtime.load(plan);
  onTestFinished(() => session.release());
  return session;
}

/** The state letter of the one child of this process that trains. */
function stateOfChild(): string | undefined {
  const children = readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
    .trim()
    .split(' ');
  for (const pid of children) {
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    if (command.includes('isolated/child.js')) {
      return /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    }
  }
  return undefined;
}

test('a process of its own gives, bit for bit, what this one gives, also with a pause in between', async () => {
  const here = await onnxruntimeTraining.load(plan);
  onTestFinished(() => here.release());
  const expected = await here.train({ ...common, epochs: 60 });
  const gate = switchable();
  const session = await isolated(gate);
  let paused: string | undefined;
  let steps = 0;
  const result = session.train({
    ...common,
    epochs: 60,
    onProgress({ stepsDone }) {
      steps = stepsDone;
      if (paused !== undefined) return;
      paused = 'pausing';
      gate.set(['battery']);
    },
  });
  await vi.waitFor(() => expect(stateOfChild()).toBe('T'), 20_000);
  const before = steps;
  await vi.waitFor(() => expect(steps).toBe(before));
  gate.set([]);
  const { delta, metrics } = await result;
  expect(delta).toEqual(expected.delta);
  expect(metrics).toEqual(expected.metrics);
  expect(await session.evaluate({ parameters, examples })).toEqual(
    await here.evaluate({ parameters, examples }),
  );
});

test('an abort ends the process even while it stands still, and the next training has another', async () => {
  const gate = switchable();
  gate.set(['override']);
  const session = await isolated(gate);
  const controller = new AbortController();
  const result = session.train({ ...common, epochs: 1000, signal: controller.signal });
  await vi.waitFor(() => expect(stateOfChild()).toBe('T'), 20_000);
  controller.abort();
  await expect(result).rejects.toMatchObject({ name: 'AbortError' });
  gate.set([]);
  expect((await session.train({ ...common, epochs: 1 })).delta.length).toBe(parameters.length);
});

test('too much memory ends training, and its error says what to do', async () => {
  const session = await isolated(undefined, 1_000_000);
  await expect(session.train({ ...common, epochs: 1000 })).rejects.toMatchObject({
    code: 'agent/training-memory',
    message: expect.stringMatching(/memoryMegabytesMax/),
  });
});

test('what fails in the process fails here, with its name and code', async () => {
  const session = await isolated();
  const broken = parameters.with(3, Number.NaN);
  await expect(session.evaluate({ parameters: broken, examples })).rejects.toMatchObject({
    name: 'RuntimeError',
    code: 'runtime/input',
  });
});
