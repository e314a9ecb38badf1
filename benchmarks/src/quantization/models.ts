import { namedModel, parseModel, type SequentialModel } from '@starling/engine';

export interface QuantizationCase {
  readonly model: () => SequentialModel;
  /** At most 40,000: those behind calibrate. */
  readonly examples: number;
  /** Before the last, which takes a tenth of the learning rate. */
  readonly epochs: number;
  readonly learningRate: number;
}

/**
 * Trained until the forms can be told apart: trainings that differ at all end 0.4 points apart after 2 passes over 8,000
 * digits, whatever their seed, and the last pass brings each to rest.
 */
export const quantizationCases: Readonly<Record<string, QuantizationCase>> = {
  '2nn': { model: () => namedModel('2nn'), examples: 40_000, epochs: 3, learningRate: 0.1 },
  cnn: { model: () => namedModel('cnn'), examples: 40_000, epochs: 2, learningRate: 0.1 },
  /** A digit's rows are channels. */
  cnn1d: {
    model: () =>
      parseModel({
        kind: 'sequential',
        inputShape: [28, 28],
        layers: [
          { kind: 'conv1d', filters: 64, kernelSize: 3 },
          { kind: 'relu' },
          { kind: 'maxPool1d', poolSize: 2 },
          { kind: 'conv1d', filters: 64, kernelSize: 3 },
          { kind: 'relu' },
          { kind: 'flatten' },
          { kind: 'dense', units: 128 },
          { kind: 'relu' },
          { kind: 'dense', units: 10 },
        ],
      }),
    examples: 40_000,
    epochs: 2,
    learningRate: 0.1,
  },
};
