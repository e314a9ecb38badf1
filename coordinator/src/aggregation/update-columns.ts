/** Encoded updates on disk as columns: stretches of the same parameters of all of them, decoded. */
import { open } from 'node:fs/promises';
import { type ColumnBlock, decodeUpdate, encodedLength, type UpdateEncoding } from '@starling/federation';

/** Bytes of decoded elements in memory at once, where the encoding's blocks are not larger. */
const blockBytes = 64 * 2 ** 20;
const blockLengthMax = 2 ** 18;

/** Reads all of them once, in order. The rows of a block are overwritten by the next. */
export async function* readColumns(
  paths: readonly string[],
  parameterCount: number,
  encoding: UpdateEncoding,
  length = blockLengthOf(paths.length, encoding),
): AsyncGenerator<ColumnBlock, void, undefined> {
  const rows = paths.map(() => new Float32Array(Math.min(length, parameterCount)));
  const bytes = new Uint8Array(encodedLength(Math.min(length, parameterCount), encoding));
  for (let start = 0; start < parameterCount; start += length) {
    const count = Math.min(length, parameterCount - start);
    const payload = bytes.subarray(0, encodedLength(count, encoding));
    const block = rows.map((row) => row.subarray(0, count));
    for (const [index, path] of paths.entries()) {
      // A stretch that begins where an encoded block does is itself an encoded update.
      await readFully(path, payload, encodedLength(start, encoding));
      decodeUpdate(payload, encoding, block[index]);
    }
    yield { start, rows: block };
  }
}

/** Whole blocks of the encoding, as many as the budget allows, at least one. */
function blockLengthOf(updates: number, encoding: UpdateEncoding): number {
  const unit = encoding.kind === 'float32' ? 1024 : encoding.blockSize;
  const affordable = Math.min(blockLengthMax, blockBytes / (4 * Math.max(1, updates)));
  return Math.max(1, Math.floor(affordable / unit)) * unit;
}

/** One file open at a time: a cohort may be larger than what a process may hold open. */
async function readFully(path: string, into: Uint8Array, position: number): Promise<void> {
  const file = await open(path, 'r');
  try {
    for (let read = 0; read < into.length; ) {
      const { bytesRead } = await file.read(into, read, into.length - read, position + read);
      if (bytesRead === 0) throw new Error(`${path} ends before byte ${position + into.length}`);
      read += bytesRead;
    }
  } finally {
    await file.close();
  }
}
