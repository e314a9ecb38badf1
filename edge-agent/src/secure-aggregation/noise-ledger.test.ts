import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  computeRing,
  defaultGraphRequirements,
  type NoiseTerms,
  noiseMechanism,
  openLedger,
  roundsLeft,
  type SecureRoundSettings,
} from '@starling/federation';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Assignment } from '../connection/assignment.js';
import { secureAssignment } from '../testing/secure-assignment.js';
import { openNoiseLedger } from './noise-ledger.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-noise-'));
});
afterAll(() => rm(folder, { recursive: true }));

const budget = { epsilon: 8, delta: 1e-5 };
const skellam: NoiseTerms = { mechanism: 'skellam', noiseStddevSteps: 300, sampling: 1 };

function settings(noise: NoiseTerms, epsilon = budget.epsilon): SecureRoundSettings {
  return {
    requirements: { ...defaultGraphRequirements, corruptFraction: 0, dropoutFraction: 0 },
    cohortMinimum: 5,
    privacy: { kind: 'distributed', noise, epsilon, delta: budget.delta },
    weighting: 'uniform',
    layout: computeRing({
      encoding: { bits: 6, clipNorm: 1, rotation: { kind: 'hadamard', agreement: 1 } },
      parameterCount: 64,
      cohort: 5,
      weightMaximum: 1,
      metrics: [],
      noiseStddevSteps: noise.noiseStddevSteps,
      reports: false,
    }),
  };
}

function assignment(
  taskName: string,
  round: number,
  attempt: number,
  secure: SecureRoundSettings = settings(skellam),
): Assignment {
  return secureAssignment(secure, { taskName, round: { runId: 'run-1', round, attempt } });
}

test('a device joins as many rounds as the budget pays for, whatever the coordinator and restarts make it forget', async () => {
  const { ledger: honest } = openLedger(budget, 'rdp');
  const affordable = roundsLeft(honest, noiseMechanism(skellam, settings(skellam)));
  expect(affordable).toBeGreaterThan(4);
  for (let round = 1; round <= affordable; round += 1) {
    // What it is called makes no difference: an attempt whose secrets are gone is another one.
    await (await openNoiseLedger(folder)).spend(assignment('sides', Math.ceil(round / 3), 1));
  }
  const ledger = await openNoiseLedger(folder);
  const more = assignment('sides', affordable, 7);
  await expect(ledger.spend(more)).rejects.toMatchObject({
    code: 'agent/refused',
    message: expect.stringMatching(/^budget-spent: .* of the task sides .* at most 8 is promised\.$/),
  });
  // Refused rounds cost nothing, and neither do other tasks: they have budgets of their own.
  await ledger.spend(assignment('other', 1, 1));
  await expect(ledger.spend(more)).rejects.toThrow('budget-spent');
  await ledger.spend(assignment('sides', affordable, 7, settings(skellam, 9)));
});

test('a payment that does not reach the disk is none, and does not make the next one free', async () => {
  const full = await mkdtemp(join(tmpdir(), 'starling-noise-full-'));
  try {
    const ledger = await openNoiseLedger(full);
    await ledger.spend(assignment('sides', 1, 1));
    // In the place of the file that is to be renamed into place.
    await mkdir(join(full, 'noise-spent.json.tmp'));
    for (let tries = 0; tries < 2; tries += 1) {
      await expect(ledger.spend(assignment('sides', 2, 1))).rejects.toThrow('EISDIR');
    }
    await rm(join(full, 'noise-spent.json.tmp'), { recursive: true });
    await ledger.spend(assignment('sides', 2, 1));
    const { tasks } = JSON.parse(await readFile(join(full, 'noise-spent.json'), 'utf8'));
    expect(tasks.sides).toMatchObject([{ rounds: 2 }]);
  } finally {
    await rm(full, { recursive: true });
  }
});

test('weaker noise costs more, and both kinds add up', async () => {
  const ledger = await openNoiseLedger(folder);
  const weak = settings({ ...skellam, mechanism: 'discrete-gaussian', noiseStddevSteps: 90 });
  let joined = 0;
  await expect(async () => {
    for (; joined < 100; joined += 1) {
      await ledger.spend(assignment('mixed', joined, 1, joined % 2 === 0 ? weak : undefined));
    }
  }).rejects.toThrow('budget-spent');
  const { ledger: honest } = openLedger(budget, 'rdp');
  expect(joined).toBeLessThan(roundsLeft(honest, noiseMechanism(skellam, settings(skellam))));
});

test('the account is for its owner alone, and is not begun anew where it cannot be read', async () => {
  const path = join(folder, 'noise-spent.json');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  await writeFile(path, '{"version":1,"tasks":');
  await expect(openNoiseLedger(folder)).rejects.toMatchObject({ code: 'agent/state-folder' });
});

test('rounds in which devices add no noise are not counted', async () => {
  const empty = await mkdtemp(join(tmpdir(), 'starling-noise-none-'));
  try {
    const ledger = await openNoiseLedger(empty);
    const central = { ...settings(skellam), privacy: { kind: 'central', ...budget } as const };
    for (let round = 1; round < 50; round += 1) await ledger.spend(assignment('sides', round, 1, central));
    await expect(stat(join(empty, 'noise-spent.json'))).rejects.toThrow('ENOENT');
  } finally {
    await rm(empty, { recursive: true });
  }
});
