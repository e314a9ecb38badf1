/** The device's side of identity, against a coordinator that a test directs, over TLS. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createSeededEntropy, createVirtualClock, type VirtualClock } from '@starling/federation';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../adapters/system-clock.js';
import { keyNamed } from '../testing/authority.js';
import { offer, signatureOf, smallTask, temporaryFolder } from '../testing/small-task.js';
import { agent, coordinator, key, testToken } from '../testing/start.js';
import { enrol, readIdentity } from './index.js';
import { keepRenewed } from './renewal.js';

const dayMs = 86_400_000;

async function enrolled(address: string, stateFolder: string, clock = systemClock()) {
  return enrol({
    coordinator: address,
    stateFolder,
    token: await testToken(),
    deviceId: 'device-1',
    clock,
    entropy: createSeededEntropy('identity'),
    signal: new AbortController().signal,
  });
}

test('enrolling makes a key that only its owner can read, and doing it again changes nothing', async () => {
  const peer = await coordinator();
  const stateFolder = await temporaryFolder();
  const identity = await enrolled(peer.address, stateFolder);
  expect(identity.deviceId).toBe('device-1');
  const path = join(stateFolder, 'identity', 'device.key');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  const before = await readFile(path, 'utf8');
  expect(await enrolled(peer.address, stateFolder)).toMatchObject({ certificate: identity.certificate });
  expect(await readFile(path, 'utf8')).toBe(before);
  expect(await readIdentity(stateFolder)).toMatchObject({
    deviceId: 'device-1',
    endsAtMs: identity.endsAtMs,
  });
});

test('an agent that never enrolled says how to', async () => {
  const peer = await coordinator();
  await expect(agent(peer, { enrolmentToken: undefined })).rejects.toMatchObject({
    code: 'agent/not-enrolled',
    message: expect.stringContaining('starling-agent enroll'),
  });
});

test('a certificate is renewed at two thirds of its life, kept, and handed over', async () => {
  const peer = await coordinator();
  const stateFolder = await temporaryFolder();
  const first = await enrolled(peer.address, stateFolder);
  const clock: VirtualClock = createVirtualClock(Date.now());
  const renewed: number[] = [];
  const stop = keepRenewed(first, {
    coordinator: peer.address,
    stateFolder,
    clock: { ...clock, now: () => clock.now() },
    entropy: createSeededEntropy('renewal'),
    log: { info() {}, warn() {}, error() {} },
    onRenewed: ({ endsAtMs }) => renewed.push(endsAtMs),
  });
  onTestFinished(stop);
  clock.advance(19 * dayMs);
  expect(peer.renewals).toHaveLength(0);
  peer.script.certificateValidity = { startsAtMs: clock.now(), endsAtMs: clock.now() + 60 * dayMs };
  clock.advance(dayMs);
  await expect.poll(() => renewed.length, { timeout: 10_000 }).toBe(1);
  expect((await readIdentity(stateFolder))?.endsAtMs).toBe(renewed[0]);
  expect(renewed[0]).toBeGreaterThan(first.endsAtMs);
});

test('a plan that is unsigned, altered, of another owner, or asks for more than was signed is given up', async () => {
  const peer = await coordinator();
  const task = smallTask();
  const good = offer(peer, task);
  const more = { ...good.training, epochs: 3 } as NonNullable<typeof good.training>;
  peer.script.assignments.push(
    good,
    offer(peer, task, { round: key(2), signature: undefined }),
    offer(peer, smallTask(9), { round: key(3), signature: good.signature }),
    { ...good, round: key(4), featureContractJson: good.featureContractJson.replace('-1', '-2') },
    { ...good, round: key(5), signature: signatureOf(good, keyNamed('another owner')) },
    { ...good, round: key(6), training: more },
  );
  await agent(peer);
  await peer.until(() => peer.updates.length === 1 && peer.failures.length === 5);
  expect(peer.failures.map(({ reason }) => reason)).toEqual(Array(5).fill('plan'));
  expect(peer.failures.map(({ message }) => message.split(':')[0])).toEqual([
    'PLAN_UNSIGNED',
    'PLAN_SIGNATURE_INVALID',
    'PLAN_SIGNATURE_INVALID',
    'PLAN_OWNER_MISMATCH',
    'PLAN_TERMS_BROKEN',
  ]);
});

test('an owner is remembered over restarts, and one that is named from the start is the only one', async () => {
  const peer = await coordinator();
  const task = smallTask();
  const stateFolder = await temporaryFolder();
  const good = offer(peer, task);
  peer.script.assignments.push(good);
  const first = await agent(peer, { stateFolder });
  await peer.until(() => peer.updates.length === 1);
  await first.stop();
  const other = signatureOf(good, keyNamed('another owner'));
  peer.script.assignments.push({ ...good, round: key(2), signature: other });
  const second = await agent(peer, { stateFolder });
  await peer.until(() => peer.failures.length === 1);
  expect(peer.failures[0].message).toMatch(/^PLAN_OWNER_MISMATCH/);
  await second.stop();
  peer.script.assignments.push({ ...good, round: key(3) });
  const only = Buffer.from(other.ownerKey).toString('base64url');
  await agent(peer, { ownerKey: only });
  await peer.until(() => peer.failures.length === 2);
  expect(peer.failures[1].message).toMatch(/^PLAN_OWNER_MISMATCH/);
});
