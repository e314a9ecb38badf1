import { expect, test } from 'vitest';
import { preparedTask } from '../testing/values.js';
import { missingCapability } from './prepared-task.js';

const able = { runtimes: ['onnxruntime'], onnxOpset: 21, memoryBytes: 0 };

test('an agent is told what it lacks: the runtime, the operator set, the memory', () => {
  const task = preparedTask({ memoryBytes: 100_000_000 });
  expect(missingCapability(task, able)).toBeUndefined();
  expect(missingCapability(task, { ...able, runtimes: [] })).toMatch(/runtime onnxruntime/);
  expect(missingCapability(task, { ...able, onnxOpset: 16 })).toMatch(/operator set 17/);
  expect(missingCapability(task, { ...able, memoryBytes: 99_000_000 })).toBe(
    'Task task takes about 100 MB to train; this agent allows 99 MB.',
  );
  expect(missingCapability(task, { ...able, memoryBytes: 100_000_000 })).toBeUndefined();
});

test.each([
  ['tfjs', ['tfjs'], 0, undefined],
  ['tfjs', ['onnxruntime'], 21, /needs the runtime tfjs/],
  ['any', ['tfjs'], 0, undefined],
  ['any', ['onnxruntime'], 21, undefined],
  ['any', ['onnxruntime'], 16, /operator set 17/],
  ['any', ['abacus'], 21, /one of the runtimes onnxruntime and tfjs/],
])(
  'a plan for the runtime %s and an agent with %j that loads operator set %i: %s',
  (runtime, runtimes, onnxOpset, missing) => {
    const task = preparedTask({ requires: { runtime, opset: 17 } });
    const told = missingCapability(task, { runtimes, onnxOpset, memoryBytes: 0 });
    if (missing === undefined) expect(told).toBeUndefined();
    else expect(told).toMatch(missing);
  },
);
