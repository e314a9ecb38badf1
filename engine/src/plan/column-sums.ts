/**
 * Sums over all axes but the last, which are the gradients of biases, as products of ones with the rows. ONNX Runtime's
 * `ReduceSum` takes twice as long for them with two threads as with one: for 640 rows of 128 numbers 56 µs instead of 25 by its
 * profiler, where the product takes 24 and 12.
 */
import { product as countOf } from '../onnx/dimensions.js';
import {
  type Dimension,
  type Node,
  type Tensor,
  tensor,
  tensorOf,
  toNumbers,
  type Value,
} from '../onnx/index.js';
import { countUses, type StepBody } from './fold-updates.js';

/** Of fewer a product gains 1 to 4 µs, and most of those sums are of layers whose updates are folded: they stay as they are. */
const elementsMin = 4096;

export function columnSumsAsProducts({ graph, value }: StepBody): StepBody {
  const initializers = new Map(graph.initializers);
  const added = new Map<string, Value>();
  const nodes = graph.nodes.flatMap((node): readonly Node[] => {
    const [x] = node.inputs;
    const matrix = node.opType === 'ReduceSum' ? matrixOf(node, initializers, value(x)) : undefined;
    if (matrix === undefined) return [node];
    const [count] = matrix;
    const ones = `ones/vector/${count}`;
    initializers.set(ones, tensorOf('float32', [count], new Float32Array(count).fill(1)));
    const product = (rows: string): Node => ({
      ...node,
      opType: 'MatMul',
      inputs: [ones, rows],
      attributes: {},
    });
    if (value(x).shape.length === 2) return [product(x)];
    const rows = { ...value(x), name: `${node.outputs[0]}/rows`, shape: matrix };
    added.set(rows.name, rows);
    const inputs = [x, shapeName(initializers, matrix)];
    return [
      { name: rows.name, opType: 'Reshape', domain: '', inputs, outputs: [rows.name], attributes: {} },
      product(rows.name),
    ];
  });
  const uses = countUses({ ...graph, nodes });
  for (const node of graph.nodes) {
    const axes = node.opType === 'ReduceSum' ? node.inputs[1] : undefined;
    if (axes !== undefined && !uses.has(axes)) initializers.delete(axes);
  }
  return { graph: { ...graph, initializers, nodes }, value: (name) => added.get(name) ?? value(name) };
}

/** `[rows, width]` of what a sum of float32 over every axis but the last takes, where that is worth a product. */
function matrixOf(
  { inputs, attributes }: Node,
  initializers: ReadonlyMap<string, Tensor>,
  { dataType, shape }: Value,
): readonly [number, number] | undefined {
  const axes = initializers.get(inputs[1] ?? '');
  if (dataType !== 'float32' || axes === undefined || attributes.keepdims?.value !== 0) return undefined;
  const summed = new Set([...toNumbers(axes)].map((axis) => (axis < 0 ? axis + shape.length : axis)));
  const others = shape.slice(0, -1);
  if (summed.size !== others.length || !others.every((_, axis) => summed.has(axis))) return undefined;
  const [rows, width]: readonly (Dimension | undefined)[] = [countOf(others), shape.at(-1)];
  if (typeof rows !== 'number' || typeof width !== 'number' || rows * width < elementsMin) return undefined;
  return [rows, width];
}

/** The name of these numbers as a constant: one that is there already, so that ONNX Runtime sees equal reshapes as one. */
function shapeName(initializers: Map<string, Tensor>, shape: readonly number[]): string {
  for (const [name, stored] of initializers) {
    if (stored.dataType !== 'int64' || stored.shape[0] !== shape.length) continue;
    if ([...toNumbers(stored)].every((size, axis) => size === shape[axis])) return name;
  }
  const name = `shape/${shape.join('x')}`;
  initializers.set(name, tensor('int64', [shape.length], BigInt64Array.from(shape, BigInt)));
  return name;
}
