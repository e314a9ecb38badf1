import { type Digits, imagePixels, readMnist } from '@starling/engine';
import { type SharedExamples, sharedBytes, sharedIntegers } from './examples.js';

/** MNIST as every paper uses it: 60,000 images to train on, 10,000 to test with, pixels 0 to 1. */
export async function openMnist(): Promise<{
  readonly train: SharedExamples;
  readonly test: SharedExamples;
}> {
  const [train, test] = await Promise.all([readMnist('train'), readMnist('t10k')]);
  return { train: share(train), test: share(test) };
}

function share({ count, images, labels }: Digits): SharedExamples {
  // Bytes stay bytes until a batch is read: a quarter of the memory.
  const features = sharedBytes(count * imagePixels);
  features.set(images.subarray(0, count * imagePixels));
  const targets = sharedIntegers(count);
  targets.set(labels.subarray(0, count));
  return {
    count,
    featureElements: imagePixels,
    features,
    scale: 1 / 255,
    offset: 0,
    targets,
    targetElements: 1,
  };
}
