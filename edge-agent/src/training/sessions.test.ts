import { compilePlan, namedModel, type TrainingRuntime } from '@starling/engine';
import { expect, test } from 'vitest';
import { createSessions } from './sessions.js';

const plan = compilePlan(namedModel('mlp'), {
  loss: { kind: 'softmax-cross-entropy' },
  optimizer: { kind: 'sgd' },
  batchSize: 10,
});

const neverLoads: TrainingRuntime = {
  name: 'none',
  load: () => Promise.reject(new Error('was loaded')),
};

const runtimes = async () => ['onnxruntime'];

test('a plan that says it takes more memory than the device allows is refused before it is loaded', async () => {
  const needed = plan.manifest.memoryBytes;
  const allowing = (memoryBytesMax?: number) => createSessions(neverLoads, {}, { runtimes, memoryBytesMax });
  await expect(allowing(needed - 1).get('a', () => plan)).rejects.toMatchObject({
    code: 'agent/plan-memory',
    message: expect.stringMatching(/^The plan takes about \d+ MB to train, more than the \d+ MB/),
  });
  await expect(allowing(needed).get('a', () => plan)).rejects.toThrow('was loaded');
  await expect(allowing().get('a', () => plan)).rejects.toThrow('was loaded');
});

test.each([
  ['tfjs', ['onnxruntime'], 'needs the runtime tfjs, but this device has onnxruntime'],
  ['onnxruntime', [], 'needs the runtime onnxruntime, but this device has none'],
  ['any', [], 'needs the runtime onnxruntime or tfjs, but this device has none'],
] as const)(
  'a plan that requires %s is refused by a device that has %j, before it is loaded',
  async (runtime, has, sentence) => {
    const requiring = { ...plan, manifest: { ...plan.manifest, requires: { runtime, opset: 20 } } };
    const sessions = createSessions(neverLoads, {}, { runtimes: async () => has });
    await expect(sessions.get('a', () => requiring)).rejects.toMatchObject({
      code: 'agent/plan-runtime',
      message: expect.stringContaining(sentence),
    });
  },
);

test('a plan that takes any runtime is loaded by a device that has one', async () => {
  const requires = { runtime: 'any', opset: 20 } as const;
  const sessions = createSessions(neverLoads, {}, { runtimes: async () => ['tfjs'] });
  const any = { ...plan, manifest: { ...plan.manifest, requires } };
  await expect(sessions.get('a', () => any)).rejects.toThrow('was loaded');
});

test('rounds of one plan load it once, and another takes its place', async () => {
  const events: string[] = [];
  const counting: TrainingRuntime = {
    name: 'counting',
    load: async () => {
      const number = events.push('loaded');
      return {
        train: () => Promise.reject(new Error('not asked')),
        evaluate: () => Promise.reject(new Error('not asked')),
        release: async () => {
          events.push(`released ${number}`);
        },
      };
    },
  };
  const sessions = createSessions(counting, {}, { runtimes });
  const [first, again] = [await sessions.get('a', () => plan), await sessions.get('a', () => plan)];
  expect(again).toBe(first);
  expect(events).toEqual(['loaded']);
  await sessions.get('b', () => plan);
  expect(events).toEqual(['loaded', 'released 1', 'loaded']);
  await sessions.release();
  expect(events.at(-1)).toBe('released 3');
});
