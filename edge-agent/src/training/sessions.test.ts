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

test('a plan that says it takes more memory than the device allows is refused before it is loaded', async () => {
  const needed = plan.manifest.memoryBytes;
  await expect(createSessions(neverLoads, {}, needed - 1).get('a', () => plan)).rejects.toMatchObject({
    code: 'agent/plan-memory',
    message: expect.stringMatching(/^The plan takes about \d+ MB to train, more than the \d+ MB/),
  });
  await expect(createSessions(neverLoads, {}, needed).get('a', () => plan)).rejects.toThrow('was loaded');
  await expect(createSessions(neverLoads, {}).get('a', () => plan)).rejects.toThrow('was loaded');
});
