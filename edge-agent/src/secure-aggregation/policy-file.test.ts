import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultPolicy } from './policy.js';
import { readPolicyFile } from './policy-file.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'starling-policy-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(text: string) {
  const path = join(folder, 'policy.yaml');
  await writeFile(path, text);
  return readPolicyFile(path);
}

test('an empty file demands nothing, and each line what it says', async () => {
  expect(await read('')).toEqual(defaultPolicy);
  expect(await read('secureAggregation: required')).toEqual({
    ...defaultPolicy,
    secureAggregationRequired: true,
  });
  const { devicePolicy } = await read('privacy: { require: central, epsilonMaximum: 4, deltaMaximum: 1e-6 }');
  expect(devicePolicy.privacy).toEqual({ require: 'central', epsilonMaximum: 4, deltaMaximum: 1e-6 });
});

test('who says among how many an update hides, or from whom, does not send it in the clear', async () => {
  for (const line of [
    'smallestCohort: 10',
    'corruptFractionMinimum: 0.1',
    'securityBitsMinimum: 40',
    'privacy: { require: distributed }',
  ]) {
    expect((await read(line)).secureAggregationRequired, line).toBe(true);
    const told = await read(`${line}\nsecureAggregation: optional`);
    expect(told.secureAggregationRequired, line).toBe(false);
  }
  expect((await read('smallestCohort: 10')).devicePolicy.cohortMinimum).toBe(10);
  expect((await read('privacy: { require: central }')).secureAggregationRequired).toBe(false);
});

test.each([
  ['smallestCohort: 1', /smallestCohort/],
  ['smalestCohort: 3', /smalestCohort.* It takes secureAggregation, smallestCohort/],
  ['privacy: { require: some }', /privacy\.require/],
  ['privacy: { require: central, epsilonMaximum: 0 }', /privacy\.epsilonMaximum/],
  ['secureAggregation: [', /is not YAML/],
])('%s is refused with its place', async (text, message) => {
  await expect(read(text)).rejects.toThrow(message);
});

test('a file that is not there is named', async () => {
  await expect(readPolicyFile(join(folder, 'nowhere.yaml'))).rejects.toThrow(
    /nowhere\.yaml is not there; check --policy/,
  );
});
