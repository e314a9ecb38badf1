/** Disks that fail: one that the power leaves with half of what was not synchronised, and calls after which the process ends. */
import { type Entropy, uniform } from '@starling/federation';
import { AgentError } from '../errors.js';
import type { ReleaseFiles } from '../releases/index.js';

interface StoredFile {
  /** What is there while the power is on. */
  readonly bytes: Uint8Array;
  /** What is there for sure when it comes back. */
  readonly synced: Uint8Array;
}

export interface MemoryDisk extends ReleaseFiles {
  /** Of what was written and not synchronised, any beginning is there afterwards, or other bytes in its place. */
  losePower(entropy: Entropy): void;
  /** Most bytes of all files. */
  bytesMax: number;
  /** Bytes of all files. */
  readonly bytes: number;
}

const none = new Uint8Array(0);

export function memoryDisk(): MemoryDisk {
  const files = new Map<string, StoredFile>();
  const disk: MemoryDisk = {
    bytesMax: Number.POSITIVE_INFINITY,
    get bytes() {
      return [...files.values()].reduce((sum, file) => sum + file.bytes.byteLength, 0);
    },
    read: async (path) => {
      const file = files.get(path);
      return file && Uint8Array.from(file.bytes);
    },
    size: async (path) => files.get(path)?.bytes.byteLength,
    list: async (path) => [
      ...new Set(
        [...files.keys()]
          .filter((name) => name.startsWith(`${path}/`))
          .map((name) => name.slice(path.length + 1).split('/')[0]),
      ),
    ],
    async write(path, position, bytes) {
      const before = files.get(path) ?? { bytes: none, synced: none };
      const grown = new Uint8Array(Math.max(before.bytes.byteLength, position + bytes.byteLength));
      if (disk.bytes + grown.byteLength - before.bytes.byteLength > disk.bytesMax) {
        throw new AgentError('agent/disk-full', 'There is no room left.');
      }
      grown.set(before.bytes);
      grown.set(bytes, position);
      files.set(path, { ...before, bytes: grown });
    },
    async sync(path) {
      const file = files.get(path);
      if (file !== undefined) files.set(path, { bytes: file.bytes, synced: file.bytes });
    },
    async rename(from, to) {
      const file = files.get(from);
      if (file === undefined) throw new Error(`there is no file ${from}`);
      files.delete(from);
      files.set(to, file);
    },
    async remove(path) {
      for (const name of [...files.keys()]) {
        if (name === path || name.startsWith(`${path}/`)) files.delete(name);
      }
    },
    losePower(entropy) {
      for (const [path, { bytes, synced }] of files) {
        if (bytes === synced) continue;
        const kept = bytes.slice(0, Math.floor(uniform(entropy) * (bytes.byteLength + 1)));
        // Blocks that were allocated and never written.
        if (uniform(entropy) < 0.5) kept.fill(0, Math.floor(uniform(entropy) * kept.byteLength));
        files.set(path, { bytes: kept, synced: kept });
      }
    },
  };
  return disk;
}

/** The process ended here. */
export class Crash extends Error {}

export type CrashMode = 'before' | 'half' | 'after';

export interface Crashing extends ReleaseFiles {
  /** Calls that change something, so far. */
  readonly calls: number;
  /** Ends it now. */
  kill(): void;
  /** Settles when the process has ended. */
  readonly crashed: Promise<void>;
}

/**
 * Ends the process at the call number `at` of those that change something: before it, in its middle, or right after it.
 * Nothing is done afterwards.
 */
export function crashingFiles(
  files: ReleaseFiles,
  at = Number.POSITIVE_INFINITY,
  how: CrashMode = 'before',
): Crashing {
  let calls = 0;
  let isOver = false;
  let over = (): void => {};
  const crashed = new Promise<void>((resolve) => {
    over = resolve;
  });
  const end = (): never => {
    isOver = true;
    over();
    throw new Crash('The process ended.');
  };
  const changing = async (work: () => Promise<void>, half?: () => Promise<void>): Promise<void> => {
    if (isOver) throw new Crash('The process has ended.');
    // Only what is written has a middle.
    if (how === 'half' && half === undefined) return work();
    calls += 1;
    if (calls !== at) return work();
    if (how === 'half') await half?.();
    if (how === 'after') await work();
    end();
  };
  const reading = async <T>(work: () => Promise<T>): Promise<T> => {
    if (isOver) throw new Crash('The process has ended.');
    return work();
  };
  return {
    get calls() {
      return calls;
    },
    kill() {
      isOver = true;
      over();
    },
    crashed,
    read: (path) => reading(() => files.read(path)),
    size: (path) => reading(() => files.size(path)),
    list: (path) => reading(() => files.list(path)),
    write: (path, position, bytes) =>
      changing(
        () => files.write(path, position, bytes),
        () => files.write(path, position, bytes.subarray(0, bytes.byteLength >> 1)),
      ),
    sync: (path) => changing(() => files.sync(path)),
    rename: (from, to) => changing(() => files.rename(from, to)),
    remove: (path) => changing(() => files.remove(path)),
  };
}
