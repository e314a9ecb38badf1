/** Runtimes that agents name and plans require. */
import { float32FromBytes } from '@starling/federation';
import { expect, test } from 'vitest';
import { systemClock } from './adapters/system-clock.js';
import { layersTask } from './testing/layers-task.js';
import { offer, smallExamples } from './testing/small-task.js';
import { agent, coordinator } from './testing/start.js';
import { defaultIsolation, isolatedTraining } from './training/isolated/runtime.js';
import { availableRuntimes } from './training/probe/runtimes.js';

test('an agent names the runtimes that this machine has', async () => {
  const peer = await coordinator();
  await agent(peer);
  await peer.until(() => peer.checkIns.length > 0);
  expect(peer.checkIns[0].capabilities?.runtimes).toEqual(['onnxruntime', 'tfjs']);
});

test('a plan that requires TensorFlow.js is trained by it, to what ONNX Runtime comes to', async () => {
  const examples = new Map([['sides', await smallExamples()]]);
  const deltas: Float32Array[] = [];
  for (const runtime of ['onnxruntime', 'tfjs'] as const) {
    const peer = await coordinator();
    const task = await layersTask(runtime);
    expect(task.plan.manifest.requires.runtime).toBe(runtime);
    peer.script.assignments.push(offer(peer, task));
    // As the daemon does: in a process of its own, which picks the runtime.
    const isolated = isolatedTraining({ settings: defaultIsolation, gate: undefined, clock: systemClock() });
    await agent(peer, { examples, ...(runtime === 'tfjs' ? { ports: { runtime: isolated } } : {}) });
    await peer.until(() => peer.updates.length + peer.failures.length > 0);
    expect(peer.failures).toEqual([]);
    deltas.push(float32FromBytes(peer.updates[0].payload, task.plan.manifest.parameterCount));
  }
  const [ours, theirs] = deltas;
  const length = Math.hypot(...ours);
  expect(length).toBeGreaterThan(0.01);
  expect(Math.hypot(...ours.map((value, i) => value - theirs[i]))).toBeLessThan(1e-4 * length);
  expect(theirs).not.toEqual(ours);
});

test('a plan for a runtime that a device lacks is given up with a sentence', async () => {
  const peer = await coordinator();
  peer.script.assignments.push(offer(peer, await layersTask('tfjs')));
  await agent(peer, { ports: { runtimes: async () => ['onnxruntime'] } });
  await peer.until(() => peer.updates.length + peer.failures.length > 0);
  expect(peer.updates).toEqual([]);
  expect(peer.failures[0]).toMatchObject({
    reason: 'plan',
    message: expect.stringContaining('needs the runtime tfjs, but this device has onnxruntime'),
  });
});

test('it is found out once in a process', () => {
  expect(availableRuntimes()).toBe(availableRuntimes());
});
