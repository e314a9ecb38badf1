import { type Digits, type ExampleSource, imagePixels } from '@starling/engine';

/** The first images as examples, pixels from 0 to 1. */
export function digitExamples({ images, labels }: Digits, first: number, count: number): ExampleSource {
  return {
    count,
    readFeatures(indices, out) {
      for (let at = 0; at < indices.length; at++) {
        const from = (first + indices[at]) * imagePixels;
        for (let i = 0; i < imagePixels; i++) out[at * imagePixels + i] = images[from + i] / 255;
      }
    },
    readTargets(indices, out) {
      for (let at = 0; at < indices.length; at++) out[at] = labels[first + indices[at]];
    },
  };
}
