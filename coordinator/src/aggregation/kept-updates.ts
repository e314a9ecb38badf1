/**
 * The single updates of one attempt, for aggregates that need them: as they came, in `sums/RUN~ROUND-ATTEMPT.updates/`,
 * until the round ends. A checkpoint is an index `sums/RUN~ROUND-ATTEMPT.COUNT` of exactly the updates that the event
 * counts, each with its hash. Disk holds cohort × payload; memory never more than a block of columns.
 */
import { createHash } from 'node:crypto';
import { copyFile, link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  aggregateRobustly,
  encodedLength,
  type RobustAggregation,
  roundWeight,
  type UpdateColumns,
  type UpdateEncoding,
} from '@starling/federation';
import { hashOf, scanFile, syncFolder, writeDurably } from '../artifacts/index.js';
import type { PartialSum } from '../rounds/index.js';
import { readColumns } from './update-columns.js';

export interface KeptUpdates {
  readonly count: number;
  /** Keeps one verified payload. When it throws, the updates must be opened again from their last checkpoint. */
  fold(path: string, weight: number): Promise<void>;
  /** Makes what is kept so far durable. */
  checkpoint(): Promise<PartialSum>;
  /**
   * The robust aggregate `[parameterCount]`: the same for every order of arrival, bit for bit. Rejects where an update
   * is damaged, and with `StrategyError` `too-few-updates`.
   */
  aggregate(aggregation: RobustAggregation): Promise<Float32Array>;
}

export interface KeptUpdatesOptions {
  readonly folder: string;
  /** Of the attempt, in the file system. */
  readonly name: string;
  readonly partialSum: PartialSum | null;
  readonly parameterCount: number;
  readonly encoding: UpdateEncoding;
}

interface Kept {
  readonly file: string;
  readonly weight: number;
  readonly sha256: string;
}

const updatesSuffix = '.updates';

/** Whether a file or folder is this checkpoint or what it refers to. */
export function belongsTo({ file }: PartialSum, name: string): boolean {
  return name === file || name === `${file.slice(0, file.lastIndexOf('.'))}${updatesSuffix}`;
}

/** The updates as of `partialSum`, or none. Rejects where the index is damaged or an update is missing. */
export async function openKeptUpdates(options: KeptUpdatesOptions): Promise<KeptUpdates> {
  const { folder, name, partialSum, parameterCount, encoding } = options;
  const updatesFolder = join(folder, `${name}${updatesSuffix}`);
  const bytes = encodedLength(parameterCount, encoding);
  const kept = partialSum === null ? [] : await readIndex(join(folder, partialSum.file), partialSum.count);
  for (const { file } of kept) {
    const { size } = await stat(join(updatesFolder, file));
    if (size !== bytes) throw new Error(`the kept update ${file} of ${name} has ${size} of ${bytes} bytes`);
  }

  return {
    get count() {
      return kept.length;
    },

    async fold(path, weight) {
      const rounded = roundWeight(weight);
      const file = String(kept.length + 1);
      const target = join(updatesFolder, file);
      if ((await mkdir(updatesFolder, { recursive: true })) !== undefined) await syncFolder(folder);
      // One that was kept but not counted may be there.
      await rm(target, { force: true });
      await linkOrCopy(path, target);
      const sha256 = await syncedHash(target);
      kept.push({ file, weight: rounded, sha256 });
    },

    async checkpoint() {
      await syncFolder(updatesFolder);
      const file = `${name}.${kept.length}`;
      await writeDurably(join(folder, file), [indexBytes(kept)]);
      return { file, count: kept.length };
    },

    async aggregate(aggregation) {
      for (const { file, sha256 } of kept) {
        if ((await fileHash(join(updatesFolder, file))) !== sha256) {
          throw new Error(`the kept update ${file} of ${name} is damaged`);
        }
      }
      // By content: whoever came first must not decide ties or the last bits.
      const sorted = [...kept].sort((a, b) =>
        a.sha256 === b.sha256 ? a.weight - b.weight : a.sha256 < b.sha256 ? -1 : 1,
      );
      const columns: UpdateColumns = {
        parameterCount,
        weights: sorted.map(({ weight }) => weight),
        blocks: () =>
          readColumns(
            sorted.map(({ file }) => join(updatesFolder, file)),
            parameterCount,
            encoding,
          ),
      };
      return aggregateRobustly(aggregation, columns);
    },
  };
}

/** The hash of the rest, a line feed, and the list as JSON: damage is noticed when it is read again. */
function indexBytes(kept: readonly Kept[]): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(kept));
  return Buffer.concat([Buffer.from(`${hashOf(json)}\n`), json]);
}

async function readIndex(path: string, count: number): Promise<Kept[]> {
  const bytes = await readFile(path);
  const end = bytes.indexOf(10);
  const json = bytes.subarray(end + 1);
  if (end === -1 || bytes.toString('utf8', 0, end) !== hashOf(json)) {
    throw new Error(`the index of kept updates ${path} is damaged`);
  }
  // The hash has shown that these are the bytes `indexBytes` wrote.
  const kept = JSON.parse(json.toString()) as Kept[];
  if (kept.length !== count) {
    throw new Error(`the index ${path} holds ${kept.length} updates, the event log says ${count}`);
  }
  return kept;
}

/** A second name costs nothing; some file systems have none. */
async function linkOrCopy(path: string, target: string): Promise<void> {
  try {
    await link(path, target);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EXDEV' && code !== 'EMLINK') throw error;
    await copyFile(path, target);
  }
}

async function syncedHash(path: string): Promise<string> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return fileHash(path);
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash('sha256');
  await scanFile(path, (chunk) => hash.update(chunk));
  return hash.digest('hex');
}
