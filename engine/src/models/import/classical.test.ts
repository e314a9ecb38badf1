/** scikit-learn's models against what scikit-learn predicts: generate-sklearn-models.py says how they were made. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { compilePlan, exportModel } from '../../plan/index.js';
import { onnxruntimeInference, onnxruntimeTraining } from '../../runtimes/index.js';
import { examplesOf } from '../../testing/examples.js';
import { initializeParameters } from '../trainable.js';
import { importModelFile, prepareImport } from './index.js';

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../../../test/oracles/sklearn');
const names = readdirSync(folder).flatMap((file) => (file.endsWith('.onnx') ? [file.slice(0, -5)] : []));

interface Expected {
  readonly features: number[][];
  readonly predicted: number[][];
}

/** What the model's losses take, as probabilities again. */
function probabilities(scores: number[], loss: string | undefined): number[] {
  if (loss === undefined) return scores;
  if (loss === 'binary-cross-entropy') {
    const p = 1 / (1 + Math.exp(-scores[0]));
    return [1 - p, p];
  }
  const powers = scores.map((score) => Math.exp(score - Math.max(...scores)));
  const total = powers.reduce((sum, power) => sum + power);
  return powers.map((power) => power / total);
}

test.each(names)('%s predicts what scikit-learn predicts, and learns from there', async (name) => {
  const path = join(folder, `${name}.onnx`);
  const { features, predicted }: Expected = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'));
  const { logits, inspected } = prepareImport(path);
  expect(inspected.obstacles).toEqual([]);
  const model = importModelFile(path, logits === undefined ? {} : { output: logits.output });
  const loss = logits?.loss ?? 'mean-squared-error';
  const plan = compilePlan(model, { loss: { kind: loss }, optimizer: { kind: 'sgd' }, batchSize: 5 });
  const parameters = initializeParameters(model, 0);

  const inference = await onnxruntimeInference.load(exportModel(plan, parameters));
  const scores = await inference.predict(Float32Array.from(features.flat()), features.length);
  await inference.release();
  const width = scores.length / features.length;
  features.forEach((_, row) => {
    const found = probabilities([...scores.subarray(row * width, (row + 1) * width)], logits?.loss);
    predicted[row].forEach((value, i) => {
      expect(found[i]).toBeCloseTo(value, 4);
    });
  });

  const targets = predicted.map((row) =>
    loss === 'softmax-cross-entropy'
      ? [(row.indexOf(Math.max(...row)) + 1) % row.length]
      : [row.length > 1 ? row[0] : row[0] + 1],
  );
  const session = await onnxruntimeTraining.load(plan);
  const options = { examples: examplesOf(features, targets), parameters, learningRate: 0.01, seed: 1 };
  const { delta, metrics: first } = await session.train({ ...options, epochs: 1 });
  const after = await session.evaluate({ ...options, parameters: parameters.map((x, i) => x + delta[i]) });
  await session.release();
  expect(after.sums.loss).toBeLessThan(first.sums.loss);
});

test('what a scaler does to the input is not trained', () => {
  const names = importModelFile(join(folder, 'scaled-range.onnx')).parameters.map(({ name }) => name);
  expect(names).toEqual(['LinearClassifier.coefficients', 'LinearClassifier.intercepts']);
});
