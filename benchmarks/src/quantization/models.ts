import { namedModel, parseModel, type SequentialModel } from '@starling/engine';

export interface QuantizationCase {
  readonly model: () => SequentialModel;
  readonly examples: number;
  readonly epochs: number;
  readonly learningRate: number;
}

/** Trained shortly: what counts is the difference between the forms of one model. */
export const quantizationCases: Readonly<Record<string, QuantizationCase>> = {
  '2nn': { model: () => namedModel('2nn'), examples: 20_000, epochs: 3, learningRate: 0.1 },
  cnn: { model: () => namedModel('cnn'), examples: 8_000, epochs: 2, learningRate: 0.1 },
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
    examples: 20_000,
    epochs: 2,
    learningRate: 0.1,
  },
};
