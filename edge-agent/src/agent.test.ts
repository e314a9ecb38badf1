import { afterEach, expect, test } from 'vitest';
import { type Agent, type AgentOptions, startAgent } from './index.js';
import { type ScriptedCoordinator, startScriptedCoordinator } from './testing/scripted-coordinator.js';
import { offer, smallExamples, smallTask, temporaryFolder } from './testing/small-task.js';

const running: { stop(): void | Promise<void> }[] = [];

afterEach(async () => {
  for (const one of running.splice(0).reverse()) {
    await one.stop();
  }
});

async function coordinator(port?: number): Promise<ScriptedCoordinator> {
  const started = await startScriptedCoordinator(port);
  running.push(started);
  return started;
}

async function agent(options: Partial<AgentOptions> & { coordinator: string }): Promise<Agent> {
  const started = await startAgent({
    stateFolder: options.stateFolder ?? (await temporaryFolder()),
    examples: options.examples ?? new Map([['sides', await smallExamples()]]),
    settings: { backoff: { firstMs: 5, mostMs: 50 }, stopGraceMs: 1000 },
    ...options,
  });
  running.push(started);
  return started;
}

test('trains a round on its own examples and uploads the delta', async () => {
  const peer = await coordinator();
  const task = smallTask();
  peer.script.assignments.push(offer(peer, task));
  const device = await agent({ coordinator: peer.address, deviceId: 'device-1' });
  await peer.until(() => peer.updates.length + peer.failures.length > 0);
  expect(peer.failures).toEqual([]);
  const [{ header, payload }] = peer.updates;
  expect(device.deviceId).toBe('device-1');
  expect(header).toMatchObject({ deviceId: 'device-1', sizeBytes: 4 * task.plan.manifest.parameterCount });
  expect(payload.byteLength).toBe(header.sizeBytes);
  expect(header.metrics?.weight).toBe(2 * header.exampleCount);
});
