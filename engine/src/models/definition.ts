/**
 * Sequential models as plain data: what `JSON.parse` gives is a definition once {@link parseModel} has read it.
 * Shapes are without the batch axis, channels first (`[channels, height, width]`), as in ONNX.
 */
import type { Initializer } from './initializers.js';

export type Padding = 'valid' | 'same';

export interface DenseLayer {
  readonly kind: 'dense';
  readonly units: number;
  readonly useBias: boolean;
  readonly kernelInitializer: Initializer;
  readonly biasInitializer: Initializer;
}

/** A convolution over one axis (`conv1d`) or two (`conv2d`); sizes have one number for each axis. */
export interface ConvolutionLayer {
  readonly kind: 'conv1d' | 'conv2d';
  readonly filters: number;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padding: Padding;
  readonly groups: number;
  readonly useBias: boolean;
  readonly kernelInitializer: Initializer;
  readonly biasInitializer: Initializer;
}

export interface PoolingLayer {
  readonly kind: 'maxPool1d' | 'maxPool2d' | 'averagePool1d' | 'averagePool2d';
  readonly poolSize: readonly number[];
  readonly strides: readonly number[];
  /** Padding is never the largest value, and never counted in an average. */
  readonly padding: Padding;
}

export interface GlobalAveragePoolLayer {
  readonly kind: 'globalAveragePool';
}

export interface FlattenLayer {
  readonly kind: 'flatten';
}

export interface ReshapeLayer {
  readonly kind: 'reshape';
  readonly shape: readonly number[];
}

export interface DropoutLayer {
  readonly kind: 'dropout';
  /** Share of elements set to zero while training; the others are scaled by 1 / (1 - rate). */
  readonly rate: number;
}

/** Normalises each example over its last axis, with a scale and a shift for each position of it (Ba et al. 2016). */
export interface LayerNormLayer {
  readonly kind: 'layerNorm';
  readonly epsilon: number;
}

/** Normalises each example over groups of channels (Wu & He 2018). */
export interface GroupNormLayer {
  readonly kind: 'groupNorm';
  readonly groups: number;
  readonly epsilon: number;
}

export interface ActivationLayer {
  readonly kind: 'relu' | 'sigmoid' | 'tanh' | 'gelu' | 'softmax';
}

export interface SlopedActivationLayer {
  readonly kind: 'leakyRelu' | 'elu';
  readonly alpha: number;
}

export type Layer =
  | DenseLayer
  | ConvolutionLayer
  | PoolingLayer
  | GlobalAveragePoolLayer
  | FlattenLayer
  | ReshapeLayer
  | DropoutLayer
  | LayerNormLayer
  | GroupNormLayer
  | ActivationLayer
  | SlopedActivationLayer;

export interface SequentialModel {
  readonly kind: 'sequential';
  /** One example, without the batch axis. */
  readonly inputShape: readonly number[];
  readonly layers: readonly Layer[];
}
