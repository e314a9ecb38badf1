import { readFile } from 'node:fs/promises';
import { type Digits, imagePixels, onnxruntimeInference } from '@starling/engine';

export interface Classification {
  /** Share of the images whose greatest output is their label. */
  readonly accuracy: number;
  /** `[count]`, the class with the greatest output for each image. */
  readonly predictions: Uint8Array;
  /** `[count]`, the softmax probability of that class. */
  readonly confidences: Float32Array;
}

const batch = 1000;
const classes = 10;

/** Runs the exported file as any user of it would: bytes in, a session, outputs. */
export async function classify(modelPath: string, digits: Digits): Promise<Classification> {
  const session = await onnxruntimeInference.load(await readFile(modelPath));
  const predictions = new Uint8Array(digits.count);
  const confidences = new Float32Array(digits.count);
  try {
    for (let start = 0; start < digits.count; start += batch) {
      const count = Math.min(batch, digits.count - start);
      const pixels = digits.images.subarray(start * imagePixels, (start + count) * imagePixels);
      const outputs = await session.predict(
        Float32Array.from(pixels, (pixel) => pixel / 255),
        count,
      );
      for (let row = 0; row < count; row += 1) {
        const scores = outputs.subarray(row * classes, (row + 1) * classes);
        const best = scores.reduce((top, score, index) => (score > scores[top] ? index : top), 0);
        predictions[start + row] = best;
        confidences[start + row] = 1 / scores.reduce((sum, score) => sum + Math.exp(score - scores[best]), 0);
      }
    }
  } finally {
    await session.release();
  }
  const right = predictions.reduce((sum, found, index) => sum + (found === digits.labels[index] ? 1 : 0), 0);
  return { accuracy: right / digits.count, predictions, confidences };
}
