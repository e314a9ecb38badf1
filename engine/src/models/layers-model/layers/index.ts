/** Every layer of TensorFlow.js that can be imported, by its class. */
import { convolution, depthwise, globalPooling, pooling, separable } from './convolution.js';
import { dense, embedding } from './dense.js';
import type { Layer } from './layer.js';
import { batchNormalization, layerNormalization } from './normalization.js';
import { lstm } from './recurrent.js';
import {
  activation,
  average,
  concatenate,
  dropout,
  elu,
  flatten,
  leakyRelu,
  merge,
  permute,
  relu,
  reshape,
  softmax,
  upSampling,
  zeroPadding,
} from './reshaping.js';

export type { Layer, LayerContext } from './layer.js';

export const layerKinds: ReadonlyMap<string, Layer> = new Map<string, Layer>([
  ['Activation', activation],
  ['Add', merge('Add')],
  ['Average', average],
  ['AveragePooling1D', pooling('AveragePool', 1)],
  ['AveragePooling2D', pooling('AveragePool', 2)],
  ['BatchNormalization', batchNormalization],
  ['Concatenate', concatenate],
  ['Conv1D', convolution(1)],
  ['Conv2D', convolution(2)],
  ['Dense', dense],
  ['DepthwiseConv2D', depthwise],
  ['Dropout', dropout],
  ['ELU', elu],
  ['Embedding', embedding],
  ['Flatten', flatten],
  ['GlobalAveragePooling1D', globalPooling('ReduceMean')],
  ['GlobalAveragePooling2D', globalPooling('ReduceMean')],
  ['GlobalMaxPooling1D', globalPooling('ReduceMax')],
  ['GlobalMaxPooling2D', globalPooling('ReduceMax')],
  ['LSTM', lstm],
  ['LayerNormalization', layerNormalization],
  ['LeakyReLU', leakyRelu],
  ['MaxPooling1D', pooling('MaxPool', 1)],
  ['MaxPooling2D', pooling('MaxPool', 2)],
  ['Maximum', merge('Max')],
  ['Minimum', merge('Min')],
  ['Multiply', merge('Mul')],
  ['Permute', permute],
  ['ReLU', relu],
  ['Reshape', reshape],
  ['SeparableConv2D', separable],
  ['Softmax', softmax],
  ['UpSampling2D', upSampling],
  ['ZeroPadding2D', zeroPadding],
]);
