/** Element-by-element kernels with broadcasting. */
import { intAttribute, stringAttribute } from '../attributes.js';
import { dataTypeOfCode, isFloatingPoint } from '../data-types.js';
import { broadcast } from '../dimensions.js';
import type { DataType } from '../graph.js';
import { elementCount } from '../tensors.js';
import { type Dense, forEachIndex, given, type Kernel, stridesOf, wrapTo } from './dense.js';

/** Applies a function to all elements of inputs broadcast to one shape. */
export function zip(
  inputs: readonly Dense[],
  dataType: DataType,
  combine: (...elements: number[]) => number,
): Dense {
  const shape = inputs.reduce<readonly number[]>((sum, { shape: next }) => {
    const both = broadcast(sum, next);
    if (both === undefined) throw new Error(`[${sum}] and [${next}] do not broadcast`);
    return both.map(Number);
  }, []);
  const steps = inputs.map((input) => {
    const strides = stridesOf(input.shape);
    const missing = shape.length - input.shape.length;
    return shape.map((_, axis) =>
      axis < missing || input.shape[axis - missing] === 1 ? 0 : strides[axis - missing],
    );
  });
  const data = new Float64Array(elementCount(shape));
  const elements = new Array<number>(inputs.length);
  forEachIndex(shape, (index, position) => {
    inputs.forEach((input, i) => {
      let at = 0;
      for (let axis = 0; axis < index.length; axis++) at += index[axis] * steps[i][axis];
      elements[i] = input.data[at];
    });
    data[position] = combine(...elements);
  });
  return { dataType, shape, data };
}

/** A kernel of one input. */
export const unary =
  (apply: (x: number) => number): Kernel =>
  (_node, inputs) => {
    const { dataType, shape, data } = given(inputs, 0);
    return [{ dataType, shape, data: data.map(apply) }];
  };

/** A kernel of two or more inputs, folded from the left. */
const folded =
  (apply: (x: number, y: number, dataType: DataType) => number): Kernel =>
  (_node, inputs) => {
    const { dataType } = given(inputs, 0);
    const all = inputs.map((_, index) => given(inputs, index));
    const combine = (...elements: number[]) =>
      elements.reduce((x, y) => wrapTo(dataType, apply(x, y, dataType)));
    return [zip(all, dataType, combine)];
  };

const comparison =
  (apply: (x: number, y: number) => boolean): Kernel =>
  (_node, inputs) => [zip([given(inputs, 0), given(inputs, 1)], 'bool', (x, y) => (apply(x, y) ? 1 : 0))];

/** 32-bit products wrap around exactly; others are as exact as doubles. */
function multiply(x: number, y: number, dataType: DataType): number {
  if (dataType === 'uint32') return Math.imul(x, y) >>> 0;
  return dataType === 'int32' ? Math.imul(x, y) : x * y;
}

function divide(x: number, y: number, dataType: DataType): number {
  return isFloatingPoint(dataType) ? x / y : Math.trunc(x / y);
}

const mod: Kernel = (node, inputs) => {
  const truncated = intAttribute(node, 'fmod', 0) !== 0;
  const { dataType } = given(inputs, 0);
  return [
    zip([given(inputs, 0), given(inputs, 1)], dataType, (x, y) =>
      truncated ? x % y : x - Math.floor(x / y) * y,
    ),
  ];
};

const bitShift: Kernel = (node, inputs) => {
  const { dataType } = given(inputs, 0);
  const right = stringAttribute(node, 'direction', '') === 'RIGHT';
  return [
    zip([given(inputs, 0), given(inputs, 1)], dataType, (x, y) =>
      right ? Math.floor(x / 2 ** y) : wrapTo(dataType, x * 2 ** y),
    ),
  ];
};

const where: Kernel = (_node, inputs) => {
  const [condition, x, y] = [given(inputs, 0), given(inputs, 1), given(inputs, 2)];
  return [zip([condition, x, y], x.dataType, (c, a, b) => (c === 0 ? b : a))];
};

const cast: Kernel = (node, inputs) => {
  const { dataType, shape, data } = given(inputs, 0);
  const to = dataTypeOfCode(intAttribute(node, 'to', 0), node.name);
  const truncate = isFloatingPoint(dataType) && !isFloatingPoint(to) && to !== 'bool';
  return [{ dataType: to, shape, data: data.map((x) => wrapTo(to, truncate ? Math.trunc(x) : x)) }];
};

/** As ONNX and IEEE 754 round: what lies between two integers goes to the even one. */
function halfToEven(x: number): number {
  const low = Math.floor(x);
  if (x - low !== 0.5) return Math.round(x);
  return low % 2 === 0 ? low : low + 1;
}

export const arithmetic: ReadonlyMap<string, Kernel> = new Map([
  ['Add', folded((x, y) => x + y)],
  ['Sub', folded((x, y) => x - y)],
  ['Mul', folded(multiply)],
  ['Div', folded(divide)],
  ['Min', folded((x, y) => Math.min(x, y))],
  ['Max', folded((x, y) => Math.max(x, y))],
  ['Sum', folded((x, y) => x + y)],
  ['Pow', folded((x, y) => x ** y)],
  ['Mod', mod],
  ['BitShift', bitShift],
  ['BitwiseXor', folded((x, y) => x ^ y)],
  ['BitwiseAnd', folded((x, y) => x & y)],
  ['BitwiseOr', folded((x, y) => x | y)],
  ['And', comparison((x, y) => x !== 0 && y !== 0)],
  ['Or', comparison((x, y) => x !== 0 || y !== 0)],
  ['Equal', comparison((x, y) => x === y)],
  ['Greater', comparison((x, y) => x > y)],
  ['GreaterOrEqual', comparison((x, y) => x >= y)],
  ['Less', comparison((x, y) => x < y)],
  ['LessOrEqual', comparison((x, y) => x <= y)],
  ['Abs', unary(Math.abs)],
  ['Ceil', unary(Math.ceil)],
  ['Exp', unary(Math.exp)],
  ['Floor', unary(Math.floor)],
  ['Log', unary(Math.log)],
  ['Neg', unary((x) => -x)],
  ['Not', unary((x) => (x === 0 ? 1 : 0))],
  ['Reciprocal', unary((x) => 1 / x)],
  ['Round', unary(halfToEven)],
  ['Sign', unary(Math.sign)],
  ['Sqrt', unary(Math.sqrt)],
  ['Where', where],
  ['Cast', cast],
]);
