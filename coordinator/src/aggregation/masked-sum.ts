/**
 * The running sum of masked updates in Z_2^ringBits, in memory O(model), and its durable form. Addition in a ring is
 * exact, so the sum does not depend on the order in which updates came.
 */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { addPacked, blockElements, packedLength } from '@starling/federation';
import { scanFile } from '../artifacts/index.js';

/** What is summed: elements of the masked vector, and the bits of each. */
export interface MaskedShape {
  readonly vectorLength: number;
  readonly ringBits: number;
  /** Sums that are kept apart, one after the other in memory and file; absent for one. */
  readonly groups?: number | undefined;
}

export interface MaskedSum {
  readonly shape: MaskedShape;
  /** `[groups · vectorLength]`, elements in 0..2^ringBits-1. */
  readonly elements: Uint32Array;
  count: number;
}

export function createMaskedSum(shape: MaskedShape): MaskedSum {
  return { shape, elements: new Uint32Array(elementsOf(shape)), count: 0 };
}

function elementsOf({ vectorLength, groups = 1 }: MaskedShape): number {
  return groups * vectorLength;
}

/** The elements of one group's sum. */
export function groupElements({ elements, shape }: MaskedSum, group: number): Uint32Array {
  return elements.subarray(group * shape.vectorLength, (group + 1) * shape.vectorLength);
}

/** Blocks that are added at once: 64 Ki elements. */
const pieceBlocks = 512;

/**
 * Adds the packed update in the file at `path`, whose length has been checked, to a group's sum. When it throws, the sum
 * is worthless.
 */
export async function foldMasked(sum: MaskedSum, path: string, group = 0): Promise<void> {
  const { ringBits, vectorLength } = sum.shape;
  const elements = groupElements(sum, group);
  const pieceElements = pieceBlocks * blockElements;
  const piece = new Uint8Array(packedLength(Math.min(pieceElements, vectorLength), ringBits));
  let from = 0;
  let held = 0;
  const wanted = (): number => packedLength(Math.min(pieceElements, vectorLength - from), ringBits);
  await scanFile(path, (chunk) => {
    let read = 0;
    while (read < chunk.byteLength) {
      if (from >= vectorLength) throw new RangeError(`the update in ${path} is longer than its vector`);
      const taken = Math.min(wanted() - held, chunk.byteLength - read);
      piece.set(chunk.subarray(read, read + taken), held);
      held += taken;
      read += taken;
      if (held < wanted()) continue;
      const to = Math.min(vectorLength, from + pieceElements);
      addPacked(elements.subarray(from, to), piece.subarray(0, held), ringBits);
      from = to;
      held = 0;
    }
  });
  if (from < vectorLength) throw new RangeError(`the update in ${path} is shorter than its vector`);
}

const magic = 'SRNG';
const headerBytes = 20;
const digestBytes = 32;

/** 4 bytes `SRNG`, u32 version, ringBits, number of elements and count, the elements as u32, SHA-256 of all; little-endian. */
export function serializeMaskedSum({ shape, elements, count }: MaskedSum): readonly Uint8Array[] {
  const header = Buffer.alloc(headerBytes);
  header.write(magic, 'latin1');
  header.writeUInt32LE(1, 4);
  header.writeUInt32LE(shape.ringBits, 8);
  header.writeUInt32LE(elements.length, 12);
  header.writeUInt32LE(count, 16);
  const body = new Uint8Array(elements.buffer, elements.byteOffset, elements.byteLength);
  return [header, body, createHash('sha256').update(header).update(body).digest()];
}

/** Rejects where the file is missing, damaged, or of another shape. */
export async function restoreMaskedSum(path: string, shape: MaskedShape): Promise<MaskedSum> {
  const bytes = await readFile(path);
  const end = bytes.byteLength - digestBytes;
  const usable =
    end === headerBytes + 4 * elementsOf(shape) &&
    bytes.toString('latin1', 0, 4) === magic &&
    bytes.readUInt32LE(4) === 1 &&
    bytes.readUInt32LE(8) === shape.ringBits &&
    bytes.readUInt32LE(12) === elementsOf(shape) &&
    createHash('sha256').update(bytes.subarray(0, end)).digest().equals(bytes.subarray(end));
  if (!usable) throw new Error(`${path} is no usable sum of masked updates`);
  const elements = new Uint32Array(elementsOf(shape));
  new Uint8Array(elements.buffer).set(bytes.subarray(headerBytes, end));
  return { shape, elements, count: bytes.readUInt32LE(16) };
}
