/** A second, slow implementation of training for tests: plain loops in double precision, no graph. */
import { EpochOrder } from '../runtimes/epoch-order.js';

export interface ReferenceOptions {
  /** Layer sizes, input first; ReLU between layers, softmax cross-entropy at the end. */
  readonly sizes: readonly number[];
  /** Weights `[outputs, inputs]` and biases, one after the other. */
  readonly start: Float32Array;
  readonly features: readonly (readonly number[])[];
  readonly classes: readonly number[];
  readonly batchSize: number;
  readonly epochs: number;
  readonly learningRate: number;
  readonly momentum: number;
  readonly proximalMu: number;
  readonly seed: number;
}

export interface ReferenceResult {
  readonly delta: Float64Array;
  readonly lossSum: number;
  readonly correct: number;
}

/** SGD, or momentum where it is above 0, over the same order of examples as the runtime. */
export function referenceTraining(options: ReferenceOptions): ReferenceResult {
  const { batchSize, features, momentum, proximalMu, start } = options;
  const parameters = Float64Array.from(start);
  const velocity = new Float64Array(parameters.length);
  const order = new EpochOrder(features.length, options.seed);
  let [lossSum, correct] = [0, 0];
  for (let epoch = 0; epoch < options.epochs; epoch++) {
    const indices = [...order.at(epoch)];
    for (let first = 0; first < indices.length; first += batchSize) {
      const batch = indices.slice(first, first + batchSize);
      const gradient = new Float64Array(parameters.length);
      for (const index of batch) {
        const { loss, isRight } = backward(options, parameters, index, gradient);
        lossSum += loss;
        correct += isRight ? 1 : 0;
      }
      for (let at = 0; at < parameters.length; at++) {
        const pull = proximalMu * (parameters[at] - start[at]);
        velocity[at] = momentum * velocity[at] + gradient[at] / batch.length + pull;
      }
      for (let at = 0; at < parameters.length; at++) parameters[at] -= options.learningRate * velocity[at];
    }
  }
  return { delta: parameters.map((value, at) => value - start[at]), lossSum, correct };
}

/** Adds one example's gradient. */
function backward(
  { sizes, features, classes }: ReferenceOptions,
  parameters: Float64Array,
  example: number,
  gradient: Float64Array,
): { loss: number; isRight: boolean } {
  const activations: number[][] = [[...features[example]]];
  const offsets: number[] = [];
  let offset = 0;
  for (let layer = 0; layer + 1 < sizes.length; layer++) {
    const [inputs, outputs] = [sizes[layer], sizes[layer + 1]];
    offsets.push(offset);
    const sums = Array.from({ length: outputs }, (_, out) => {
      let sum = parameters[offset + inputs * outputs + out];
      for (let at = 0; at < inputs; at++)
        sum += activations[layer][at] * parameters[offset + out * inputs + at];
      return sum;
    });
    const isLast = layer + 2 === sizes.length;
    activations.push(isLast ? sums : sums.map((sum) => Math.max(0, sum)));
    offset += (inputs + 1) * outputs;
  }
  const logits = activations[sizes.length - 1];
  const largest = Math.max(...logits);
  const total = logits.reduce((sum, z) => sum + Math.exp(z - largest), 0);
  const target = classes[example];
  let flow = logits.map((z, at) => Math.exp(z - largest) / total - (at === target ? 1 : 0));
  for (let layer = sizes.length - 2; layer >= 0; layer--) {
    const [inputs, outputs] = [sizes[layer], sizes[layer + 1]];
    const begin = offsets[layer];
    const below = activations[layer];
    const next = below.map((value, at) => {
      let sum = 0;
      for (let out = 0; out < outputs; out++) {
        gradient[begin + out * inputs + at] += value * flow[out];
        sum += parameters[begin + out * inputs + at] * flow[out];
      }
      return layer > 0 && value <= 0 ? 0 : sum;
    });
    for (let out = 0; out < outputs; out++) gradient[begin + inputs * outputs + out] += flow[out];
    flow = next;
  }
  return {
    loss: Math.log(total) + largest - logits[target],
    isRight: logits.indexOf(largest) === target,
  };
}
