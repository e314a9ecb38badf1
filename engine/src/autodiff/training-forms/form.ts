import type { GraphBuilder, Node, Value } from '../../onnx/index.js';
import type { Placements, Rows } from './placements.js';

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
}

/** An output in one of the layouts; undefined is an output that nobody has. */
export type FormOutput =
  | { readonly kind: 'plain'; readonly value: Value }
  | { readonly kind: 'rows'; readonly rows: Rows }
  | undefined;

/**
 * Computes what a node does in a form that trains faster; undefined where the node's own form is best. Forms emit
 * operators that have gradient rules.
 */
export type TrainingForm = (context: FormContext) => readonly FormOutput[] | undefined;
