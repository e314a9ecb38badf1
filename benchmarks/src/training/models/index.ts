/** Every case by name. */
import {
  type ImportOptions,
  importModel,
  type Model,
  namedModel,
  type SequentialModel,
  type TrainableModel,
} from '@starling/engine';
import { gru } from './gru.js';
import { mobileNetV2 } from './mobilenet-v2.js';
import { transformer } from './transformer.js';

export interface TrainingCase {
  readonly model: () => SequentialModel | TrainableModel;
  /** Steps of one measurement, a tenth of a second or so. */
  readonly steps: number;
  /** Features are whole numbers below this, as tokens are; numbers in [0, 1) where it is left out. */
  readonly vocabulary?: number;
}

const vocabulary = 1000;

/** A model from elsewhere, and what of it is trained. */
export interface FineTuning {
  readonly onnx: () => Model;
  readonly options: ImportOptions;
}

/** Larger models, of which a device trains adapters. */
export const fineTunings = {
  /** 3.7 million parameters; adapters of rank 8 on every matrix of every layer. */
  'language-model-lora': {
    onnx: () => {
      const sizes = { tokens: 64, width: 256, heads: 4, inner: 1024, layers: 4, classes: vocabulary };
      return transformer({ vocabulary, causal: true, ...sizes });
    },
    options: { lora: { targets: ['layers.*'], rank: 8, alpha: 16 } },
  },
  /** The whole width, 2.2 million parameters; adapters on the pointwise convolutions, and the classifier. */
  'mobilenet-lora': {
    onnx: () => mobileNetV2(1, 64, 10),
    options: {
      lora: { targets: ['*.conv.0.0.weight', '*.conv.2.0.weight'], rank: 4, alpha: 8 },
      trainable: ['classifier.*'],
    },
  },
} as const satisfies Readonly<Record<string, FineTuning>>;

const fineTuning = ({ onnx, options }: FineTuning): TrainableModel => importModel(onnx(), options);

/** Their memory is measured, not their steps. */
export const fineTuningCases: Readonly<Record<string, TrainingCase>> = {
  'language-model-lora': {
    model: () => fineTuning(fineTunings['language-model-lora']),
    steps: 2,
    vocabulary,
  },
  'mobilenet-lora': { model: () => fineTuning(fineTunings['mobilenet-lora']), steps: 2 },
};

/** The last three go through the importer, as a model from elsewhere does; `peers/` builds the same. */
export const trainingCases: Readonly<Record<string, TrainingCase>> = {
  mlp: { model: () => namedModel('mlp'), steps: 400 },
  '2nn': { model: () => namedModel('2nn'), steps: 300 },
  cnn: { model: () => namedModel('cnn'), steps: 10 },
  cnn1d: { model: () => namedModel('cnn1d'), steps: 60 },
  mobilenet: { model: () => importModel(mobileNetV2(0.25, 64, 10)), steps: 5 },
  gru: { model: () => importModel(gru({ steps: 64, channels: 6, hidden: 64, classes: 6 })), steps: 20 },
  transformer: {
    model: () =>
      importModel(
        transformer({ vocabulary, tokens: 32, width: 128, heads: 4, inner: 256, layers: 2, classes: 10 }),
      ),
    steps: 10,
    vocabulary,
  },
};
