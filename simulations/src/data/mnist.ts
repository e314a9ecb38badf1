import { type Digits, imagePixels, readMnist } from '@starling/engine';
import { type SharedExamples, sharedBytes, sharedIntegers } from './examples.js';

/** MNIST as every paper uses it: 60,000 images to train on, 10,000 to test with, pixels 0 to 1. */
export async function openMnist(): Promise<{
  readonly train: SharedExamples;
  readonly test: SharedExamples;
}> {
  const [train, test] = await Promise.all([readMnist('train', sharedBytes), readMnist('t10k', sharedBytes)]);
  return { train: share(train), test: share(test) };
}

function share({ count, images, labels }: Digits): SharedExamples {
  const targets = sharedIntegers(count);
  targets.set(labels);
  return {
    count,
    featureElements: imagePixels,
    // Bytes stay bytes until a batch is read: a quarter of the memory.
    features: images,
    scale: 1 / 255,
    offset: 0,
    targets,
    targetElements: 1,
  };
}
