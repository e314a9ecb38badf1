import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digits, imagePixels } from '@starling/engine';

/** Writes the examples at `indices` as a folder that an agent, or central evaluation, reads. */
export async function writeExamples(folder: string, digits: Digits, indices: Uint32Array): Promise<void> {
  const images = Buffer.alloc(16 + indices.length * imagePixels);
  const labels = Buffer.alloc(8 + indices.length);
  // IDX: two zeros, the type (8: unsigned bytes), the number of axes, then the sizes, big-endian.
  [0x0803, indices.length, 28, 28].forEach((word, position) => {
    images.writeUInt32BE(word, 4 * position);
  });
  [0x0801, indices.length].forEach((word, position) => {
    labels.writeUInt32BE(word, 4 * position);
  });
  for (const [row, index] of indices.entries()) {
    images.set(
      digits.images.subarray(index * imagePixels, (index + 1) * imagePixels),
      16 + row * imagePixels,
    );
    labels[8 + row] = digits.labels[index];
  }
  await mkdir(folder, { recursive: true });
  await Promise.all([
    writeFile(join(folder, 'image.idx'), images),
    writeFile(join(folder, 'digit.idx'), labels),
  ]);
}
