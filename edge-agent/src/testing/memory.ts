/** What a piece of work leaves in memory: for tests that must not let anything pile up. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

export interface MemoryUse {
  /** Of JavaScript, after everything that is garbage was collected. */
  readonly heapBytes: number;
  readonly residentBytes: number;
}

export async function memoryUse(): Promise<MemoryUse> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What a finaliser frees is garbage of the next turn.
  for (let turn = 0; turn < 3; turn++) {
    collect();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heapBytes: heapUsed + external, residentBytes: rss };
}

const heapGrowthMax = 8 << 20;
/** The allocator keeps what it once had; a leak of a payload for each of a thousand cases is beyond this. */
const residentGrowthMax = 96 << 20;

/** Throws where more is held than before. */
export async function checkNothingPilesUp(before: MemoryUse): Promise<void> {
  const after = await memoryUse();
  for (const [what, growth, most] of [
    ['heap', after.heapBytes - before.heapBytes, heapGrowthMax],
    ['resident memory', after.residentBytes - before.residentBytes, residentGrowthMax],
  ] as const) {
    if (growth > most) throw new Error(`${what} grew by ${growth} bytes; ${most} are allowed`);
  }
}
