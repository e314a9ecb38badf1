/** What a shape rule sees of a node, and the helpers rules share. */
import { describe } from '../attributes.js';
import { formatShape } from '../dimensions.js';
import { OnnxError } from '../errors.js';
import type { DataType, Dimension, Node, Tensor, Value } from '../graph.js';

/** What a rule says of one output. */
export interface Inferred {
  readonly dataType: DataType;
  readonly shape: readonly Dimension[];
  /** The elements, where they are sizes that can be told without running: the result of `Shape` and its like. */
  readonly contents?: readonly Dimension[] | undefined;
}

export interface InferenceContext {
  readonly node: Node;
  readonly inputs: readonly (Value | undefined)[];
  /** The value of an input that is a constant. */
  constant(index: number): Tensor | undefined;
  /** The elements of an integer input of rank 0 or 1, sizes among them possibly names. */
  contents(index: number): readonly Dimension[] | undefined;
}

/** Gives the type and shape of each output of a node. */
export type InferenceRule = (context: InferenceContext) => readonly Inferred[];

/** Ends inference with an error that names the node. */
export function fail(context: InferenceContext, problem: string): never {
  const shapes = context.inputs.map((input) => (input === undefined ? '-' : formatShape(input.shape)));
  throw new OnnxError(
    'onnx/shape',
    `${describe(context.node)}: ${problem} (input shapes ${shapes.join(', ')}); mend the layer it stands for`,
  );
}

/** An input the operator cannot do without. */
export function required(context: InferenceContext, index: number): Value {
  return context.inputs[index] ?? fail(context, `input ${index} is missing`);
}

/** An integer list that is an input since some version and was an attribute before, when it is known. */
export function knownInts(context: InferenceContext, index: number): readonly number[] | undefined {
  const contents = context.contents(index);
  return contents?.every((element) => typeof element === 'number') ? contents : undefined;
}

/** The one type that inputs must have. */
export function sameTypes(context: InferenceContext, indices: readonly number[]): DataType {
  const [dataType, ...others] = indices.map((index) => required(context, index).dataType);
  const other = others.find((one) => one !== dataType);
  if (other !== undefined) fail(context, `inputs are ${dataType} and ${other}; cast one of them`);
  return dataType;
}

/** Axes within the rank, counted from the front. */
export function checkedAxis(context: InferenceContext, axis: number, rank: number): number {
  if (axis < -rank || axis >= rank) fail(context, `axis ${axis} is outside rank ${rank}`);
  return axis < 0 ? axis + rank : axis;
}
