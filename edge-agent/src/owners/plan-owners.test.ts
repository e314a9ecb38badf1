/** What a device refuses to do for want of its task's owner's word. */

import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { formatFeatureContract } from '@starling/engine/examples';
import { formatQuery } from '@starling/federation';
import {
  canonicalTermsJson,
  rawPublicKey,
  signPlan,
  signQuery,
  type Assignment as Wire,
} from '@starling/proto';
import { expect, test } from 'vitest';
import { defaultWorkLimits, readAssignment } from '../connection/read-assignment.js';
import { keyNamed } from '../testing/authority.js';
import { contract, temporaryFolder } from '../testing/small-task.js';
import { openPlanOwners, type PlanOwners } from './index.js';
import { withQuestion } from './questions.js';

const owner = keyNamed('owner');
const featureContractJson = formatFeatureContract(contract);
const artifact = { sha256: new Uint8Array(32).fill(7), sizeBytes: 100 };
const encoding = { kind: { kind: 'float32', value: {} } } as const;
const central = {
  kind: 'central',
  epsilon: 8,
  delta: 1e-5,
  clipBound: 0.5,
  countWithinBound: false,
  noiseMultiplier: 1.25,
} as const;
const signedPrivacy = {
  kind: 'central',
  epsilon: 8,
  delta: 1e-5,
  clip: { kind: 'fixed', bound: 0.5 },
  noiseMultiplier: 1.25,
};

/** An assignment with the signature of its owner over version `taskVersion` and `terms`. */
function signed(wire: Partial<Wire>, taskVersion: number, terms: object): Wire {
  const taskName = 'sides';
  const termsJson = canonicalTermsJson({ encoding: null, holdoutPermille: 0, ...terms });
  const plan = { taskName, taskVersion, manifestSha256: artifact.sha256, featureContractJson, termsJson };
  const signature = {
    ownerKey: rawPublicKey(owner),
    signature: signPlan(plan, owner),
    taskVersion,
    termsJson,
  };
  return {
    round: { runId: 'run-1', round: 1, attempt: 1 },
    purpose: 'train',
    taskName,
    planManifest: artifact,
    checkpoint: artifact,
    featureContractJson,
    deadlineMs: 1000,
    signature,
    ...wire,
  };
}

function training(
  privacy?: NonNullable<Wire['training']>['privacy'],
  taskVersion = 1,
  terms: object = {},
): Wire {
  const settings = { epochs: 1, learningRate: 0.1, seed: 1, examplesMax: 0, encoding, privacy };
  const asked = { epochs: 1, examplesMax: 0, encoding: { kind: 'float32' } };
  return signed({ training: settings }, taskVersion, { ...asked, ...terms });
}

async function refusal(owners: PlanOwners, wire: Wire): Promise<string | undefined> {
  const read = readAssignment(wire, defaultWorkLimits);
  if (read.kind !== 'work') throw new Error('the assignment is not even whole');
  const sentence = await owners.refusalOf(wire, read.assignment);
  return sentence?.split(':')[0];
}

test('an older version of a task is refused once a newer one was seen, also after a restart', async () => {
  const folder = await temporaryFolder();
  const owners = await openPlanOwners(folder);
  expect(await refusal(owners, training(undefined, 2))).toBeUndefined();
  expect(await refusal(owners, training(undefined, 1))).toBe('PLAN_VERSION_ROLLBACK');
  const restarted = await openPlanOwners(folder);
  expect(await refusal(restarted, training(undefined, 1))).toBe('PLAN_VERSION_ROLLBACK');
  expect(await refusal(restarted, training(undefined, 2))).toBeUndefined();
  expect(await refusal(restarted, training(undefined, 3))).toBeUndefined();
  expect(await refusal(restarted, training(undefined, 2))).toBe('PLAN_VERSION_ROLLBACK');
  // Also where the owner was named from the start.
  const named = await openPlanOwners(folder, Buffer.from(rawPublicKey(owner)).toString('base64url'));
  expect(await refusal(named, training(undefined, 2))).toBe('PLAN_VERSION_ROLLBACK');
});

test('what a round promises must be what was signed: budget, clipping and noise', async () => {
  const owners = await openPlanOwners(await temporaryFolder());
  const sentenceOf = async (privacy: Parameters<typeof training>[0], terms: object = signedPrivacy) => {
    const wire = training(privacy, 1, { privacy: terms });
    const read = readAssignment(wire, defaultWorkLimits);
    if (read.kind !== 'work') throw new Error('the assignment is not even whole');
    return owners.refusalOf(wire, read.assignment);
  };
  expect(await sentenceOf(central)).toBeUndefined();
  expect(await sentenceOf({ ...central, noiseMultiplier: 1.26 })).toBeUndefined();
  expect(await sentenceOf({ ...central, noiseMultiplier: 1.24 })).toMatch(/^PLAN_TERMS_BROKEN.*noise/);
  expect(await sentenceOf({ ...central, epsilon: 8.1 })).toMatch(/^PLAN_TERMS_BROKEN.*budget/);
  expect(await sentenceOf({ ...central, delta: 1e-4 })).toMatch(/^PLAN_TERMS_BROKEN.*budget/);
  expect(await sentenceOf({ ...central, clipBound: 0.6 })).toMatch(/^PLAN_TERMS_BROKEN.*clipping bound/);
  expect(await sentenceOf({ ...central, countWithinBound: true })).toMatch(
    /^PLAN_TERMS_BROKEN.*way of clipping/,
  );
  expect(await sentenceOf(undefined)).toMatch(/^PLAN_TERMS_BROKEN.*kind of privacy/);
  expect(await sentenceOf(central, { kind: 'none' })).toMatch(/^PLAN_TERMS_BROKEN.*kind of privacy/);
  const adaptive = { ...signedPrivacy, clip: { kind: 'adaptive' } };
  expect(await sentenceOf({ ...central, clipBound: 3, countWithinBound: true }, adaptive)).toBeUndefined();
  expect(await sentenceOf(central, adaptive)).toMatch(/^PLAN_TERMS_BROKEN.*way of clipping/);
});

test('a sum is of as many devices as the owner signed for such work, or of more', async () => {
  const owners = await openPlanOwners(await temporaryFolder());
  const requirements = { corruptFraction: 0, dropoutFraction: 0, securityBits: 20, correctnessBits: 10 };
  const secureAggregation = {
    ...requirements,
    cohortMinimum: 5,
    cohortMaximum: 10,
    parameterCount: 256,
    encoding: { bits: 6, clipNorm: 1, rotation: { kind: 'hadamard', value: { agreement: 1 } } },
    weightMaximum: 1,
    metrics: [],
    rotationSeed: new Uint8Array(32),
    weighting: 'uniform',
    encodingReports: true,
  } as const;
  const rounded = { ...requirements, bits: 6, rotation: { kind: 'hadamard', agreement: 1 } };
  const query = { column: 'x', statistic: { kind: 'count' }, valuesMax: 10 } as const;
  const analytics = { queryJson: formatQuery(query), seed: 1, encoding };
  const sentenceOf = async (
    cohortMinimum: number,
    least: object,
    purpose: 'train' | 'evaluate' | 'analyze' = 'train',
  ) => {
    const terms = { secureAggregation: { ...rounded, ...least } };
    const wire = {
      ...training(undefined, 1, terms),
      purpose,
      analytics,
      secureAggregation: { ...secureAggregation, cohortMinimum },
    };
    const read = readAssignment(wire, defaultWorkLimits);
    if (read.kind !== 'work') throw new Error('the assignment is not even whole');
    return owners.refusalOf(wire, read.assignment);
  };
  const signed = { cohortMinimum: { train: 5, evaluate: 2, analyze: 5 } };
  expect(await sentenceOf(5, signed)).toBeUndefined();
  expect(await sentenceOf(6, signed)).toBeUndefined();
  expect(await sentenceOf(4, signed)).toMatch(/^PLAN_TERMS_BROKEN.*smallest cohort/);
  expect(await sentenceOf(5, {})).toMatch(/^PLAN_TERMS_BROKEN.*smallest cohort/);
  const others = { cohortMinimum: { train: 2, evaluate: 4, analyze: 6 } };
  expect(await sentenceOf(4, others, 'evaluate')).toBeUndefined();
  expect(await sentenceOf(3, others, 'evaluate')).toMatch(/^PLAN_TERMS_BROKEN.*smallest cohort/);
  expect(await sentenceOf(5, others, 'analyze')).toMatch(/^PLAN_TERMS_BROKEN.*smallest cohort/);
  // Of as many it is only the question's own signature that is missing.
  expect(await sentenceOf(6, others, 'analyze')).toMatch(/^QUERY_UNSIGNED/);
});

test('a question is answered for the task’s owner alone, as signed, and in one run', async () => {
  const folder = await temporaryFolder();
  const owners = await openPlanOwners(folder);
  const queryJson = formatQuery({ column: 'x', statistic: { kind: 'count' }, valuesMax: 10 });
  const other = formatQuery({ column: 'y', statistic: { kind: 'count' }, valuesMax: 10 });
  const termsJson = canonicalTermsJson({ privacy: signedPrivacy });
  const ask = (changes: {
    asked?: number;
    by?: typeof owner;
    json?: string;
    run?: string;
    noise?: number;
  }) => {
    const { asked = 1000, by = owner, json = queryJson, run = 'run-1', noise = 1.25 } = changes;
    const query = { taskName: 'sides', taskVersion: 1, askedAtMs: asked, queryJson, termsJson };
    const signature = { signature: signQuery(query, by), askedAtMs: asked, termsJson, taskVersion: 1 };
    const privacy = { ...central, noiseMultiplier: noise };
    const analytics = { queryJson: json, seed: 1, encoding, privacy, signature };
    return signed({ purpose: 'analyze', analytics, round: { runId: run, round: 1, attempt: 1 } }, 1, {});
  };
  const unsigned = ask({});
  const withoutSignature = { ...unsigned, analytics: { queryJson, seed: 1, encoding, privacy: central } };
  expect(await refusal(owners, withoutSignature)).toBe('QUERY_UNSIGNED');
  expect(await refusal(owners, ask({ by: keyNamed('another owner') }))).toBe('QUERY_SIGNATURE_INVALID');
  expect(await refusal(owners, ask({ json: other }))).toBe('QUERY_SIGNATURE_INVALID');
  expect(await refusal(owners, ask({ noise: 1 }))).toBe('QUERY_TERMS_BROKEN');
  expect(await refusal(owners, ask({}))).toBeUndefined();
  // The same run may try again; another one must not ask what was answered.
  expect(await refusal(owners, ask({}))).toBeUndefined();
  expect(await refusal(owners, ask({ run: 'run-2' }))).toBe('QUERY_REPEATED');
  const restarted = await openPlanOwners(folder);
  expect(await refusal(restarted, ask({ run: 'run-2' }))).toBe('QUERY_REPEATED');
  expect(await refusal(restarted, ask({ run: 'run-2', asked: 2000 }))).toBeUndefined();
  // Once the answer is told not even the same run, which could leave one device out of another attempt.
  expect(await refusal(restarted, ask({}))).toBeUndefined();
  await restarted.tells('run-1');
  expect(await refusal(restarted, ask({}))).toBe('QUERY_REPEATED');
  expect(await refusal(await openPlanOwners(folder), ask({}))).toBe('QUERY_REPEATED');
  expect(await refusal(restarted, ask({ run: 'run-2', asked: 2000 }))).toBeUndefined();
});

test('an owner is pinned whatever version its first plan says, and one that could not be kept is not believed', async () => {
  const own = await mkdtemp(join(tmpdir(), 'starling-pins-'));
  try {
    const owners = await openPlanOwners(own);
    await mkdir(join(own, 'owners.json.tmp'));
    for (let tries = 0; tries < 2; tries += 1) {
      await expect(refusal(owners, training(undefined, 0))).rejects.toThrow('EISDIR');
    }
    await rm(join(own, 'owners.json.tmp'), { recursive: true });
    expect(await refusal(owners, training(undefined, 0))).toBeUndefined();
    expect(JSON.parse(await readFile(join(own, 'owners.json'), 'utf8'))).toMatchObject({
      sides: { ownerKey: expect.any(String), version: 0 },
    });
  } finally {
    await rm(own, { recursive: true });
  }
});

test('of many questions the newest are remembered, and none that is older is answered', () => {
  let answered: ReturnType<typeof withQuestion> = [];
  const question = (at: number, runId: string) => ({ id: `${at}`, askedAtMs: at, runId });
  for (let at = 100; at < 200; at += 1) answered = withQuestion(answered ?? [], question(at, `run-${at}`));
  expect(answered).toHaveLength(64);
  expect(withQuestion(answered ?? [], question(150, 'again'))).toBeUndefined();
  expect(withQuestion(answered ?? [], question(100, 'run-100'))).toBeUndefined();
  expect(withQuestion(answered ?? [], question(200, 'new'))).toHaveLength(64);
});
