/** Runs seeds in this process, which has one template for all of them. */
import type { Template } from '../world/world.js';
import { makeFaultTemplate } from './fleet.js';
import { generateOperations } from './generate.js';
import { runSeed, type SeedResult } from './run-seed.js';
import { shrink } from './shrink.js';

let template: Promise<Template> | undefined;

/** @param only the places of the operations to keep; all where it is left out */
export async function replaySeed(seed: number, only?: readonly number[]): Promise<SeedResult> {
  template ??= makeFaultTemplate();
  const operations = generateOperations(seed);
  const kept = only === undefined ? operations : only.flatMap((index) => operations[index] ?? []);
  return runSeed(seed, kept, await template);
}

/** The fewest operations of a failing seed that break the same rule. */
export async function shrinkSeed(seed: number, checker: string): Promise<readonly number[]> {
  template ??= makeFaultTemplate();
  const made = await template;
  return shrink(generateOperations(seed), async (kept) => {
    const { violation } = await runSeed(seed, kept, made);
    return violation?.checker === checker;
  });
}
