import { createHash } from 'node:crypto';
import { readdir, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TrainingRuntime } from '@starling/engine';
import { StarlingError } from '@starling/proto';
import { expect, test, vi } from 'vitest';
import { AgentError } from './index.js';
import type { Standing } from './standing/index.js';
import { unavailable } from './testing/scripted-coordinator.js';
import { offer, smallExamples, smallTask, temporaryFolder } from './testing/small-task.js';
import { agent, coordinator, key } from './testing/start.js';

/** A device that must not train: what it delivers, it has kept. */
const idleRuntime: TrainingRuntime = {
  name: 'none',
  load: () => Promise.reject(new Error('this device must not train again')),
};

test('trains a round on its own examples and uploads the delta', async () => {
  const peer = await coordinator();
  const task = smallTask();
  peer.script.assignments.push(offer(peer, task));
  const told: Standing[] = [];
  const standing = { lastRound: null, gate: undefined, onStanding: (next: Standing) => told.push(next) };
  const device = await agent(peer, { deviceId: 'device-1', standing });
  await peer.until(() => peer.updates.length + peer.failures.length > 0);
  expect(peer.failures).toEqual([]);
  await vi.waitFor(() =>
    expect(told.at(-1)?.lastRound).toMatchObject({ outcome: 'delivered', task: 'sides' }),
  );
  expect(told.at(-1)?.connection).toMatchObject({ kind: 'connected', lastError: null });
  expect(told.map(({ training }) => training.kind)).toEqual(expect.arrayContaining(['idle', 'training']));
  const [{ header, payload }] = peer.updates;
  expect(device.deviceId).toBe('device-1');
  expect(header).toMatchObject({ deviceId: 'device-1', sizeBytes: 4 * task.plan.manifest.parameterCount });
  expect(createHash('sha256').update(payload).digest()).toEqual(Buffer.from(header.sha256));
  // Two epochs over what is not held out.
  expect(header.metrics?.weight).toBe(2 * header.exampleCount);
  expect(header.exampleCount).toBeGreaterThan(20);
  expect(header.exampleCount).toBeLessThan(40);
});

test('evaluates on exactly the examples that training left out', async () => {
  const peer = await coordinator();
  const task = smallTask();
  const evaluation = offer(peer, task, { purpose: 'evaluate', training: undefined, round: key(2) });
  peer.script.assignments.push(offer(peer, task), evaluation);
  await agent(peer);
  await peer.until(() => peer.updates.length + peer.evaluations.length + peer.failures.length > 1);
  const [{ round, metrics }] = peer.evaluations;
  expect(round).toEqual(key(2));
  expect(metrics?.sums.map(({ name }) => name).sort()).toEqual(['accuracy', 'loss']);
  expect((metrics?.weight ?? 0) + peer.updates[0].header.exampleCount).toBe(40);
});

test('the same assignment gives the same bytes on another device with the same examples', async () => {
  const encoding = { kind: { kind: 'stochasticQuantization', value: { bits: 8, blockSize: 64 } } } as const;
  const examples = new Map([['sides', await smallExamples()]]);
  const payloads: Uint8Array[] = [];
  for (const seed of [3, 3, 4]) {
    const peer = await coordinator();
    const settings = { epochs: 1, learningRate: 0.1, seed, examplesMax: 10, encoding };
    peer.script.assignments.push(offer(peer, smallTask(), { training: settings }));
    await agent(peer, { examples });
    await peer.until(() => peer.updates.length + peer.failures.length > 0);
    expect(peer.updates[0].header.exampleCount).toBe(10);
    payloads.push(peer.updates[0].payload);
  }
  expect(payloads[0]).toEqual(payloads[1]);
  expect(payloads[0]).not.toEqual(payloads[2]);
});

test('a download that breaks off goes on where it stopped, and nothing is fetched twice', async () => {
  const peer = await coordinator();
  const task = smallTask();
  peer.script.breakDownloads.push(100, 50);
  peer.script.assignments.push(offer(peer, task), offer(peer, task, { round: key(2) }));
  await agent(peer);
  await peer.until(() => peer.updates.length + peer.failures.length > 1);
  expect(peer.failures).toEqual([]);
  const [first, second, third, ...others] = peer.downloads;
  expect([first.offset, second.offset, third.offset]).toEqual([0, 100, 150]);
  expect(new Set([first.sha256, second.sha256, third.sha256]).size).toBe(1);
  expect(others.every(({ offset }) => offset === 0)).toBe(true);
  expect(new Set(others.map(({ sha256 }) => sha256)).size).toBe(others.length);
});

test('an upload that breaks off goes on where the coordinator says', async () => {
  const peer = await coordinator();
  peer.script.breakUploads.push(1, 1);
  peer.script.assignments.push(offer(peer, smallTask(40_000)));
  await agent(peer);
  await peer.until(() => peer.updates.length + peer.failures.length > 0);
  // Each time after one message, of 64 KiB.
  expect(peer.uploadOffsets).toEqual([0, 65_536, 131_072]);
  const [{ header, payload }] = peer.updates;
  expect(createHash('sha256').update(payload).digest()).toEqual(Buffer.from(header.sha256));
});

test('an update whose answer was lost is not sent twice', async () => {
  const peer = await coordinator();
  const stateFolder = await temporaryFolder();
  peer.script.loseUploadAnswers = 1;
  peer.script.assignments.push(offer(peer, smallTask()));
  await agent(peer, { stateFolder });
  await peer.until(() => peer.updates.length > 0);
  const seen = peer.checkIns.length;
  await peer.until(() => peer.checkIns.length > seen);
  expect(peer.uploadOffsets).toEqual([0]);
  expect(peer.updates.length).toBe(1);
  expect(await readdir(join(stateFolder, 'update'))).toEqual([]);
});

test('survives a coordinator that goes and comes back, and delivers what it trained meanwhile', async () => {
  const before = await coordinator();
  before.script.breakUploads.push(1);
  before.script.assignments.push(offer(before, smallTask()));
  await agent(before);
  await before.until(() => before.uploadOffsets.length > 0);
  before.stop();
  const after = await coordinator(before.port);
  await after.until(() => after.updates.length > 0);
  expect(after.uploadOffsets).toEqual([0]);
});

test('a restarted agent delivers the update it kept instead of training again', async () => {
  const peer = await coordinator();
  const stateFolder = await temporaryFolder();
  peer.script.refuseUploads = unavailable;
  peer.script.assignments.push(offer(peer, smallTask(40_000)));
  const first = await agent(peer, { stateFolder });
  await peer.until(() => peer.uploadOffsets.length > 0);
  await first.stop();
  expect(peer.failures).toEqual([]);
  delete peer.script.refuseUploads;
  await agent(peer, { stateFolder, ports: { runtime: idleRuntime } });
  await peer.until(() => peer.updates.length + peer.failures.length > 0);
  const [{ header, payload }] = peer.updates;
  expect(createHash('sha256').update(payload).digest()).toEqual(Buffer.from(header.sha256));
});

test('a kept update whose round is over is dropped after the restart', async () => {
  const peer = await coordinator();
  const stateFolder = await temporaryFolder();
  peer.script.refuseUploads = unavailable;
  peer.script.assignments.push(offer(peer, smallTask(40_000)));
  const first = await agent(peer, { stateFolder });
  await peer.until(() => peer.uploadOffsets.length > 0);
  await first.stop();
  const uploads = peer.uploadOffsets.length;
  const seen = peer.checkIns.length;
  peer.script.roundState = { stage: 'abandoned', reason: 'The deadline passed.' };
  await agent(peer, { stateFolder });
  await peer.until(() => peer.checkIns.length > seen + 1);
  expect(peer.uploadOffsets.length).toBe(uploads);
  expect(await readdir(join(stateFolder, 'update'))).toEqual([]);
});

test('an update that is refused is dropped and the next round goes on', async () => {
  const peer = await coordinator();
  const task = smallTask();
  peer.script.refuseUploads = new StarlingError({
    code: 'ROUND_CLOSED',
    status: 'failed-precondition',
    message: 'Too late.',
  });
  peer.script.assignments.push(offer(peer, task));
  await agent(peer);
  await peer.until(() => peer.uploadOffsets.length > 0);
  delete peer.script.refuseUploads;
  peer.script.assignments.push(offer(peer, task, { round: key(2) }));
  await peer.until(() => peer.updates.length > 0);
  expect(peer.updates[0].header.round).toEqual(key(2));
});

test('a coordinator that cannot serve this agent ends it with a sentence', async () => {
  const peer = await coordinator();
  peer.script.checkIn = () => {
    throw new StarlingError({
      code: 'PROTOCOL_UNSUPPORTED',
      status: 'failed-precondition',
      message: 'This agent is too old.',
      remedy: 'Update the agent.',
    });
  };
  const device = await agent(peer);
  await expect(device.done).resolves.toEqual({
    kind: 'incompatible',
    message: 'This agent is too old. Update the agent.',
  });
});

test('a newer revision, an unknown directive and work without a round leave the agent up', async () => {
  const peer = await coordinator();
  const task = smallTask();
  const answers = [
    { protocolRevision: 1, directive: undefined },
    {
      protocolRevision: 1,
      directive: { kind: 'work', value: offer(peer, task, { round: undefined }) },
    } as const,
    { protocolRevision: 1, directive: { kind: 'work', value: offer(peer, task) } } as const,
  ];
  peer.script.checkIn = () => answers.shift() ?? { protocolRevision: 99, directive: undefined };
  const device = await agent(peer);
  await peer.until(() => peer.updates.length > 0);
  await expect(device.done).resolves.toMatchObject({ kind: 'incompatible' });
});

test('a stop while training tells the round that this device was interrupted', async () => {
  const peer = await coordinator();
  peer.script.assignments.push(offer(peer, smallTask()));
  let begun = (): void => {};
  const training = new Promise<void>((resolve) => {
    begun = resolve;
  });
  const runtime: TrainingRuntime = {
    name: 'slow',
    load: async () => ({
      train: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal?.addEventListener('abort', () => reject(signal.reason));
          begun();
        }),
      evaluate: () => Promise.reject(new Error('not asked for')),
      release: async () => {},
    }),
  };
  const device = await agent(peer, { ports: { runtime } });
  await training;
  await device.stop();
  expect(peer.failures).toMatchObject([{ round: key(1), reason: 'interrupted' }]);
  await expect(device.done).resolves.toEqual({ kind: 'asked' });
});

test('two agents do not share a state directory; one takes over after the other', async () => {
  const peer = await coordinator();
  const stateFolder = await temporaryFolder();
  const first = await agent(peer, { stateFolder });
  await expect(agent(peer, { stateFolder })).rejects.toMatchObject({ code: 'agent/state-in-use' });
  await first.stop();
  const second = await agent(peer, { stateFolder });
  expect(second.deviceId).toBe(first.deviceId);
  await second.stop();
  // What a killed agent leaves behind names a process that is gone.
  await writeFile(join(stateFolder, 'agent.pid'), '4194305\n');
  const third = await agent(peer, { stateFolder });
  const lock = await readlink(join(stateFolder, 'agent.pid'));
  await third.stop();
  // So does one whose number another process has now: it was born at another time.
  await symlink(lock.replace(/\d+$/, '1'), join(stateFolder, 'agent.pid'));
  await expect(agent(peer, { stateFolder })).resolves.toMatchObject({ deviceId: first.deviceId });
});

test('refuses to start without examples or under a name that is none or another', async () => {
  const peer = await coordinator();
  await expect(agent(peer, { examples: new Map() })).rejects.toThrow(AgentError);
  await expect(agent(peer, { deviceId: 'a b' })).rejects.toMatchObject({ code: 'agent/configuration' });
  const stateFolder = await temporaryFolder();
  await (await agent(peer, { stateFolder, deviceId: 'one' })).stop();
  await expect(agent(peer, { stateFolder, deviceId: 'two' })).rejects.toMatchObject({
    code: 'agent/configuration',
  });
});
