/** Models that everybody compares with, by name. */
import type { SequentialModel } from './definition.js';
import { ModelError } from './errors.js';
import { parseModel } from './parse.js';

const dense = (units: number): object => ({ kind: 'dense', units });
const relu = { kind: 'relu' };

const models: Readonly<Record<string, () => SequentialModel>> = {
  /** 784-200-10: 159,010 parameters. */
  mlp: () => parseModel({ kind: 'sequential', inputShape: [784], layers: [dense(200), relu, dense(10)] }),

  /** McMahan et al. 2017, "2NN": 784-200-200-10, 199,210 parameters. */
  '2nn': () =>
    parseModel({
      kind: 'sequential',
      inputShape: [784],
      layers: [dense(200), relu, dense(200), relu, dense(10)],
    }),

  /** Two 3x3 convolutions of 32 and 64 filters, pooling, 128, 10: 1,199,882 parameters. */
  cnn: () =>
    parseModel({
      kind: 'sequential',
      inputShape: [1, 28, 28],
      layers: [
        { kind: 'conv2d', filters: 32, kernelSize: 3 },
        relu,
        { kind: 'conv2d', filters: 64, kernelSize: 3 },
        relu,
        { kind: 'maxPool2d', poolSize: 2 },
        { kind: 'flatten' },
        dense(128),
        relu,
        dense(10),
      ],
    }),

  /** Six inertial channels in windows of 128 samples, six activities, as in the UCI HAR data set. */
  cnn1d: () =>
    parseModel({
      kind: 'sequential',
      inputShape: [6, 128],
      layers: [
        { kind: 'conv1d', filters: 32, kernelSize: 5 },
        relu,
        { kind: 'maxPool1d', poolSize: 2 },
        { kind: 'conv1d', filters: 64, kernelSize: 5 },
        relu,
        { kind: 'maxPool1d', poolSize: 2 },
        { kind: 'flatten' },
        dense(64),
        relu,
        dense(6),
      ],
    }),
};

/** The models that {@link namedModel} knows. */
export const modelNames: readonly string[] = Object.keys(models);

/** @throws ModelError `model/unknown` where there is no model of that name */
export function namedModel(name: string): SequentialModel {
  const make = Object.hasOwn(models, name) ? models[name] : undefined;
  if (make === undefined) {
    throw new ModelError(
      'model/unknown',
      `there is no model named ${JSON.stringify(name)}; choose one of ${modelNames.join(', ')}, or give a definition with "layers"`,
    );
  }
  return make();
}
