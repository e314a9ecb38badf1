/** What a gradient rule sees of a node, and says. */
import { describe } from '../onnx/attributes.js';
import { formatShape } from '../onnx/dimensions.js';
import type { Dimension, GraphBuilder, Node, Value } from '../onnx/index.js';
import { AutodiffError } from './errors.js';

export interface GradientContext {
  readonly builder: GraphBuilder;
  readonly node: Node;
  /** Omitted optional inputs are undefined. */
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly (Value | undefined)[];
  /** The gradient of the loss with respect to each output; undefined where none flows. */
  readonly gradients: readonly (Value | undefined)[];
  /** Whether anyone wants the gradient of that input: none is computed for data. */
  needs(index: number): boolean;
  /** Whether anyone wants the gradient of the value of that name, which need not be an input: loops use others. */
  isActive(name: string): boolean;
  /**
   * Adds the gradient of other nodes to another builder, and gives it by the names of the values that got one.
   * `sources` are what those nodes begin with.
   */
  within(
    builder: GraphBuilder,
    nodes: readonly Node[],
    sources: readonly Value[],
    seeds: readonly (readonly [Value, Value])[],
  ): ReadonlyMap<string, Value>;
  /** Whether the gradient of that value itself was asked for, so that no rule may pass it by. */
  isAsked(value: Value): boolean;
  /** Adds to the gradient of that input. A gradient that nobody needs is dropped. */
  give(index: number, gradient: Value): void;
  /** Adds to the gradient of a value further up, for rules that see through the node before them. */
  giveTo(value: Value, gradient: Value): void;
  /**
   * For composite operators: `build` adds nodes that compute the outputs anew from simpler operators, and the
   * gradients go through these. It costs the forward pass of this node twice.
   */
  through(build: () => readonly (Value | undefined)[]): void;
}

/** Emits the nodes for the gradients of a node's inputs, given those of its outputs. */
export type GradientRule = (context: GradientContext) => void;

/** An input that the operator always has. */
export function input(context: GradientContext, index: number): Value {
  const value = context.inputs[index];
  if (value === undefined) unsupported(context, `input ${index} is missing`, 'check the model');
  return value;
}

/** The first output. */
export function output(context: GradientContext): Value {
  const value = context.outputs[0];
  if (value === undefined) unsupported(context, 'its first output is omitted', 'name it');
  return value;
}

/** The gradient of the first output. Rules of operators with one output run only when it is there. */
export function outputGradient(context: GradientContext): Value {
  const gradient = context.gradients[0];
  if (gradient === undefined) {
    unsupported(context, 'only its secondary outputs reach the loss', 'use its first output');
  }
  return gradient;
}

/** Sizes a rule must know as numbers. */
export function staticShape(
  context: GradientContext,
  shape: readonly Dimension[],
  what: string,
): readonly number[] {
  const sizes = shape.filter((size) => typeof size === 'number');
  if (sizes.length === shape.length) return sizes;
  unsupported(context, `${what} is ${formatShape(shape)}`, 'give the model fixed sizes there');
}

/** Ends differentiation with an error that names the node. */
export function unsupported(context: GradientContext, problem: string, remedy: string): never {
  throw new AutodiffError(
    'autodiff/unsupported',
    `${describe(context.node)} cannot be differentiated: ${problem}; ${remedy}`,
  );
}
