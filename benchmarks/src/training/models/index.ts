/** Every case by name. */
import { importModel, namedModel, type SequentialModel, type TrainableModel } from '@starling/engine';
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
