/** The kinds of layers: a new one is a file beside these and a line below. */
import type { Layer } from '../definition.js';
import { activation, slopedActivation } from './activation.js';
import { convolution } from './convolution.js';
import { dense } from './dense.js';
import { dropout } from './dropout.js';
import type { LayerType } from './layer-type.js';
import { groupNorm, layerNorm } from './normalization.js';
import { globalAveragePool, pooling } from './pooling.js';
import { flatten, reshape } from './reshaping.js';

export type { LayerContext, LayerShapes, LayerType, ParameterSpec } from './layer-type.js';

const layerTypes: readonly LayerType[] = [
  dense,
  convolution,
  pooling,
  globalAveragePool,
  flatten,
  reshape,
  dropout,
  layerNorm,
  groupNorm,
  activation,
  slopedActivation,
];

const byKind = new Map(
  layerTypes.flatMap((type) => type.kinds.map((kind) => [kind as string, { kind, type }])),
);

/** Every kind a definition may name. */
export const layerKinds: readonly string[] = [...byKind.keys()];

/** The kind of that name with its type, or undefined where there is none. */
export function findLayerType(kind: unknown): { kind: Layer['kind']; type: LayerType } | undefined {
  return typeof kind === 'string' ? byKind.get(kind) : undefined;
}
