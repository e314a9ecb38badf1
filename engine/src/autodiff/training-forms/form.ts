import type { GraphBuilder, Node, Value } from '../../onnx/index.js';
import type { Placements, Rows } from './placements.js';
import type { ShallowConvolution } from './winograd/shallow-convolution.js';
import type { Tiles } from './winograd/tiles.js';

export interface FormContext {
  readonly builder: GraphBuilder;
  readonly node: Node;
  readonly placements: Placements;
  /** Whether layers of this model are computed as rows of channels. */
  readonly inRows: boolean;
  /** Constants that forms of several nodes have in common, by what they hold. */
  readonly shared: Map<string, Value>;
  /** An input as the forward pass has it: its shape is known before it is placed. */
  original(index: number): Value | undefined;
  /** Whether a value of the forward pass is made of the step's examples alone, so that no gradient goes there. */
  isOfExamples(name: string): boolean;
  /** The node as the model has it. */
  copy(): Value;
}

/** An output in one of the layouts; undefined is an output that nobody has. */
export type FormOutput =
  | { readonly kind: 'plain'; readonly value: Value }
  | { readonly kind: 'rows'; readonly rows: Rows }
  | { readonly kind: 'tiles'; readonly tiles: Tiles }
  | { readonly kind: 'shallow'; readonly shallow: ShallowConvolution }
  | undefined;

/**
 * Computes what a node does in a form that trains faster; undefined where the node's own form is best. Forms emit
 * operators that have gradient rules.
 */
export type TrainingForm = (context: FormContext) => readonly FormOutput[] | undefined;
