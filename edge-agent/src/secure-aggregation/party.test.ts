import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AdvertisedKeys,
  computeRing,
  createSeededEntropy,
  defaultGraphRequirements,
  nodeSuite,
  type PrivacyOffer,
} from '@starling/federation';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Assignment } from '../connection/assignment.js';
import type { SecureTransport } from '../connection/transport.js';
import { secureAssignment } from '../testing/secure-assignment.js';
import { openNoiseLedger } from './noise-ledger.js';
import { createParty } from './party.js';
import { defaultPolicy } from './policy.js';
import { openRoundStore } from './stored-round.js';

let shared: string;
beforeAll(async () => {
  shared = await mkdtemp(join(tmpdir(), 'starling-party-'));
});
afterAll(() => rm(shared, { recursive: true }));

const round = { runId: 'run-1', round: 1, attempt: 1 };
const permitted: PrivacyOffer = { kind: 'central', epsilon: 8, delta: 1e-5 };

const layout = computeRing({
  encoding: { bits: 8, clipNorm: 1, rotation: { kind: 'hadamard', agreement: 1 } },
  parameterCount: 64,
  cohort: 4,
  weightMaximum: 1,
  metrics: [],
});

function assignment(privacy: PrivacyOffer, plan: string, cohortMinimum = 3): Assignment {
  const settings = {
    requirements: defaultGraphRequirements,
    cohortMinimum,
    privacy,
    weighting: 'uniform',
    layout,
  } as const;
  return secureAssignment(settings, { round, planManifest: { sha256: plan.repeat(32), bytes: 1 } });
}

/** What the coordinator heard, and the connection that breaks then: whoever joins again is an agent that was restarted. */
async function restartedParty(heard: AdvertisedKeys[], folder = shared) {
  const lost = (): Promise<never> => Promise.reject(new Error('the connection is lost'));
  const transport: SecureTransport = {
    advertiseKeys(_, keys) {
      heard.push(keys);
      return lost();
    },
    shareKeys: lost,
    awaitSurvivors: lost,
    signSurvivors: lost,
    revealShares: lost,
  };
  const { devicePolicy } = defaultPolicy;
  const signing = nodeSuite.signingKey(new Uint8Array(32).fill(7));
  return createParty({
    store: openRoundStore(folder),
    ledger: await openNoiseLedger(folder),
    identity: () => ({ device: 'pump-1', certificate: signing.publicKey, sign: signing.sign }),
    trust: () => undefined,
    policy: { ...devicePolicy, privacy: { require: 'central', epsilonMaximum: 8, deltaMaximum: 1e-5 } },
    transport,
    tells: async () => {},
    entropy: createSeededEntropy('party'),
    suite: nodeSuite,
  });
}

test('the secrets of a round lie in a file that only its owner can read', async () => {
  const path = join(shared, 'secure-round.json');
  const heard: AdvertisedKeys[] = [];
  const party = await restartedParty(heard);
  await expect(party.join(assignment(permitted, 'aa'), new AbortController().signal)).rejects.toThrow(
    'the connection is lost',
  );
  expect(await readFile(path, 'utf8')).toContain('secretKey');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  // And so does what must survive the power, which is written in another way.
  const store = openRoundStore(shared);
  const stored = await store.load();
  if (stored === undefined) throw new Error('it was stored just now');
  await rm(path);
  await store.save(stored, 'durable');
  expect(await store.load()).toEqual(stored);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await store.forget(round);
  await expect(stat(path)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a restarted agent goes on with the attempt it joined, and refuses it on other terms or with another plan', async () => {
  const heard: AdvertisedKeys[] = [];
  const join = async (offered: Assignment): Promise<void> =>
    (await restartedParty(heard)).join(offered, new AbortController().signal);
  await expect(join(assignment({ kind: 'none' }, 'aa'))).rejects.toThrow(/^privacy-below-policy/);
  expect(heard).toEqual([]);
  await expect(join(assignment(permitted, 'aa'))).rejects.toThrow('the connection is lost');
  await expect(join(assignment(permitted, 'aa'))).rejects.toThrow('the connection is lost');
  expect(heard).toHaveLength(2);
  expect(heard[1]).toEqual(heard[0]);
  for (const other of [
    assignment({ kind: 'none' }, 'aa'),
    assignment({ ...permitted, epsilon: 7 }, 'aa'),
    assignment(permitted, 'bb'),
    assignment(permitted, 'aa', 2),
  ]) {
    await expect(join(other)).rejects.toThrow(/^round-changed: /);
  }
  expect(heard).toHaveLength(2);
});

test('an attempt whose secrets are forgotten is paid for again, and one that goes on is not', async () => {
  const own = await mkdtemp(join(tmpdir(), 'starling-party-noise-'));
  try {
    const noise = { mechanism: 'skellam', noiseStddevSteps: 3_000, sampling: 1 } as const;
    const offered = assignment({ kind: 'distributed', noise, epsilon: 8, delta: 1e-5 }, 'aa');
    const joins = async (): Promise<void> =>
      (await restartedParty([], own)).join(offered, new AbortController().signal);
    const paid = async (): Promise<unknown> =>
      JSON.parse(await readFile(join(own, 'noise-spent.json'), 'utf8')).tasks.sides;
    for (let restarts = 0; restarts < 3; restarts += 1) {
      await expect(joins()).rejects.toThrow('the connection is lost');
      expect(await paid()).toMatchObject([{ rounds: 1 }]);
    }
    await (await restartedParty([], own)).forget(round);
    await expect(joins()).rejects.toThrow('the connection is lost');
    expect(await paid()).toMatchObject([{ rounds: 2 }]);
  } finally {
    await rm(own, { recursive: true });
  }
});
