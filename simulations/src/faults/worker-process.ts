/** A process that runs its share of a hunt's seeds, and says what became of each. */
import { replaySeed, shrinkSeed } from './replay.js';
import type { SeedResult } from './run-seed.js';

export interface HuntShare {
  readonly first: number;
  /** From one seed to the next of this share. */
  readonly stride: number;
  /** Seeds at and above it are not run. */
  readonly end: number;
  /** Whether the first failure is shrunk; what a mutation breaks need not be. */
  readonly shrinks: boolean;
}

export interface SeedReport extends SeedResult {
  /** Places of the operations that suffice, where the seed failed and was shrunk. */
  readonly only: readonly number[] | undefined;
}

process.on('message', (share: HuntShare) => {
  hunt(share).then(
    () => process.disconnect(),
    (error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
});

const { stackTraceLimit } = Error;

async function hunt({ first, stride, end, shrinks }: HuntShare): Promise<void> {
  for (let seed = first; seed < end; seed += stride) {
    // Refusals are errors, and there are many: where each was made is asked for where a seed fails only.
    Error.stackTraceLimit = 0;
    const quick = await replaySeed(seed);
    Error.stackTraceLimit = stackTraceLimit;
    const result = quick.violation === undefined ? quick : await replaySeed(seed);
    const { violation } = result;
    const only = violation && shrinks ? await shrinkSeed(seed, violation.checker) : undefined;
    const report: SeedReport = { ...result, only };
    await new Promise<void>((resolve) => process.send?.(report, () => resolve()));
    if (violation !== undefined) return;
  }
}
