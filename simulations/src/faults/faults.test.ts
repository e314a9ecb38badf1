// Before the simulation puts its own beneath them: whoever loads them first must not change what a seed decides.
import '@starling/coordinator';
import '@starling/edge-agent';
import { createHash, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { makeFaultTemplate } from './fleet.js';
import { generateOperations } from './generate.js';
import { replaySeed } from './replay.js';
import { shrink } from './shrink.js';

// Two thousand run beside the tests, where all of them are run: scripts/test.mjs.
test('some fixed seeds break no rule, and see most of what can happen', async () => {
  const seen: Record<string, number> = {};
  for (let seed = 1; seed <= 12; seed += 1) {
    const { violation, seen: inSeed } = await replaySeed(seed);
    expect(violation, `starling-sim faults --seed ${seed} --seeds 1`).toBeUndefined();
    for (const [what, times] of Object.entries(inSeed)) seen[what] = (seen[what] ?? 0) + times;
  }
  expect(seen['round-committed']).toBeGreaterThan(10);
  expect(seen['round-abandoned']).toBeGreaterThan(0);
  expect(seen['stage-closed']).toBeGreaterThan(8);
  expect(seen['releases-served']).toBeGreaterThan(5);
  expect(seen['records-recorded']).toBeGreaterThan(50);
}, 240_000);

test('a seed decides everything, whatever ran before it', async () => {
  const digestOf = async (seed: number): Promise<string> =>
    createHash('sha256')
      .update(JSON.stringify(await replaySeed(seed)))
      .digest('hex');
  const seeds = [3, 24, 28];
  const first = [];
  for (const seed of seeds) first.push(await digestOf(seed));
  const again = [];
  for (const seed of [...seeds].reverse()) again.unshift(await digestOf(seed));
  expect(again).toEqual(first);
});

test('worlds begin alike however long the machine takes to make what they begin with', async () => {
  const { devices } = await makeFaultTemplate();
  const starts = [...devices.values()].map((disk) => {
    const pem = Buffer.from(disk.require('/agent/identity/device.pem').content).toString();
    return new X509Certificate(pem).validFrom;
  });
  const authority = [...devices.values()][0].require('/agent/identity/authority.pem').content;
  expect(new Set([...starts, new X509Certificate(Buffer.from(authority).toString()).validFrom]).size).toBe(1);
});

test('what fails shrinks to what makes it fail', async () => {
  const operations = generateOperations(1).concat(generateOperations(2), generateOperations(3));
  const guilty = [operations[1], operations[operations.length - 2]];
  const kept = await shrink(operations, async (some) => guilty.every((each) => some.includes(each)));
  expect(kept).toEqual([1, operations.length - 2]);
});
