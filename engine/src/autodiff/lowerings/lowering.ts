/** Composite operators written out in simpler ones, for their gradients and for runtimes that lack them. */
import { describe } from '../../onnx/attributes.js';
import { type GraphBuilder, isStatic, type Node, type Value } from '../../onnx/index.js';
import { AutodiffError } from '../errors.js';

/** Adds nodes that compute what the node does, and gives its outputs; those it does not write out are undefined. */
export type Lowering = (
  builder: GraphBuilder,
  node: Node,
  inputs: readonly (Value | undefined)[],
) => readonly (Value | undefined)[];

export function refuse(node: Node, problem: string, remedy: string): never {
  throw new AutodiffError('autodiff/unsupported', `${describe(node)}: ${problem}; ${remedy}`);
}

/** Most numbers that a rule writes into a graph for one node: 64 MB of float32. */
const tableElementsMax = 2 ** 24;

/** Refuses a node for which more numbers would be written down than belong into a plan: sizes of a file are not believed. */
export function requireTable(node: Node, elements: number): void {
  if (elements <= tableElementsMax) return;
  refuse(node, `its gradient takes a table of ${elements} numbers`, 'export the model with smaller sizes');
}

export function operand(node: Node, inputs: readonly (Value | undefined)[], index: number): Value {
  return inputs[index] ?? refuse(node, `input ${index} is missing`, 'check the model');
}

/** A size that must be a number. */
export function knownSize(node: Node, value: Value, axis: number): number {
  const size = value.shape[axis];
  if (typeof size === 'number') return size;
  refuse(node, `axis ${axis} of ${value.name} has no fixed size`, 'export the model with that size fixed');
}

/** The shape, which must be all numbers. */
export function knownShape(node: Node, value: Value): readonly number[] {
  if (isStatic(value.shape)) return value.shape;
  refuse(node, `${value.name} has the shape [${value.shape}]`, 'export the model with fixed sizes there');
}

/** The numbers of a small integer input. */
export function knownNumbers(builder: GraphBuilder, node: Node, value: Value): readonly number[] {
  const contents = builder.contentsOf(value);
  if (contents === undefined || contents.some((size) => typeof size !== 'number')) {
    refuse(node, `${value.name} is not known before the model runs`, 'make it a constant');
  }
  return contents.map(Number);
}
