/**
 * The running sum of one attempt at one round, in memory O(model), and its durable checkpoints
 * `sums/RUN~ROUND-ATTEMPT.COUNT`. The event that counts updates names the checkpoint that holds exactly those.
 */
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Accumulator,
  createAccumulator,
  createUpdateFolder,
  restoreAccumulator,
  serializeAccumulator,
  type UpdateEncoding,
} from '@starling/federation';
import { scanFile, writeDurably } from '../artifacts/index.js';
import type { RoundKey } from '../ids.js';
import type { PartialSum } from '../rounds/index.js';
import { belongsTo, type KeptUpdates, openKeptUpdates } from './kept-updates.js';
import {
  createMaskedSum,
  foldMasked,
  type MaskedShape,
  type MaskedSum,
  restoreMaskedSum,
  serializeMaskedSum,
} from './masked-sum.js';
import { attemptName } from './spool.js';

/** A sum that verified payloads are folded into. */
export interface FoldingSum {
  /**
   * Folds one verified payload; `group` says into which sum, where several are kept apart. When it throws, the sum must be
   * opened again from its last checkpoint.
   */
  fold(path: string, weight: number, group?: number): Promise<void>;
  /** Makes what is folded so far durable. */
  checkpoint(): Promise<PartialSum>;
}

export interface RoundSum extends FoldingSum {
  readonly accumulator: Accumulator;
}

export interface MaskedRoundSum extends FoldingSum {
  readonly sum: MaskedSum;
}

export interface RoundSums {
  /** The sum as of `partialSum`, or an empty one. Rejects where the checkpoint is missing or damaged. */
  open(
    key: RoundKey,
    partialSum: PartialSum | null,
    parameterCount: number,
    encoding: UpdateEncoding,
  ): Promise<RoundSum>;
  /** The same for masked updates. */
  openMasked(key: RoundKey, partialSum: PartialSum | null, shape: MaskedShape): Promise<MaskedRoundSum>;
  /** In place of a sum, the single updates for a robust aggregate. */
  openKept(
    key: RoundKey,
    partialSum: PartialSum | null,
    parameterCount: number,
    encoding: UpdateEncoding,
  ): Promise<KeptUpdates>;
  /** Drops every checkpoint of an attempt but `kept`. */
  prune(key: RoundKey, kept: PartialSum | null): Promise<void>;
  /** Drops every checkpoint but the given ones: what a crash left. */
  keepOnly(sums: readonly PartialSum[]): Promise<void>;
}

export async function openRoundSums(folder: string): Promise<RoundSums> {
  await mkdir(folder, { recursive: true });
  return {
    async open(key, partialSum, parameterCount, encoding) {
      const accumulator =
        partialSum === null
          ? createAccumulator(parameterCount)
          : await restore(join(folder, partialSum.file), partialSum, parameterCount);
      return {
        accumulator,
        async fold(path, weight) {
          const folding = createUpdateFolder(accumulator, encoding, weight);
          await scanFile(path, (chunk) => folding.push(chunk));
          folding.finish();
        },
        async checkpoint() {
          const file = `${attemptName(key)}.${accumulator.count}`;
          // The bytes carry their own hash: damage is noticed when they are read again.
          await writeDurably(join(folder, file), serializeAccumulator(accumulator));
          return { file, count: accumulator.count };
        },
      };
    },

    async openMasked(key, partialSum, shape) {
      const sum =
        partialSum === null
          ? createMaskedSum(shape)
          : await restoreMaskedSum(join(folder, partialSum.file), shape);
      checkCount(partialSum?.count ?? 0, sum.count, folder);
      return {
        sum,
        async fold(path, _weight, group) {
          await foldMasked(sum, path, group);
          sum.count += 1;
        },
        async checkpoint() {
          const file = `${attemptName(key)}.${sum.count}`;
          await writeDurably(join(folder, file), serializeMaskedSum(sum));
          return { file, count: sum.count };
        },
      };
    },

    openKept(key, partialSum, parameterCount, encoding) {
      return openKeptUpdates({ folder, name: attemptName(key), partialSum, parameterCount, encoding });
    },

    async prune(key, kept) {
      const prefix = `${attemptName(key)}.`;
      await removeUnless(
        folder,
        (file) => !file.startsWith(prefix) || (kept !== null && belongsTo(kept, file)),
      );
    },

    async keepOnly(sums) {
      await removeUnless(folder, (file) => sums.some((sum) => belongsTo(sum, file)));
    },
  };
}

async function restore(path: string, { count }: PartialSum, parameterCount: number): Promise<Accumulator> {
  const accumulator = restoreAccumulator(await readFile(path), parameterCount);
  checkCount(count, accumulator.count, path);
  return accumulator;
}

function checkCount(logged: number, held: number, path: string): void {
  if (logged === held) return;
  throw new Error(`the partial sum ${path} holds ${held} updates, the event log says ${logged}`);
}

async function removeUnless(folder: string, isKept: (file: string) => boolean): Promise<void> {
  for (const file of await readdir(folder)) {
    if (!isKept(file)) await rm(join(folder, file), { force: true, recursive: true });
  }
}
