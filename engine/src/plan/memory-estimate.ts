/**
 * What a plan takes in memory, told when it is compiled: tensors that are alive at the same time, by the order of the nodes.
 * Processes were measured to grow by 0.8 to 1.4 times the estimate.
 */
import {
  bytesPerElement,
  type Dimension,
  type Graph,
  type GraphBuilder,
  type Model,
  type Node,
  type Value,
} from '../onnx/index.js';

/** Sizes for the names in shapes, such as `{ batch: 20 }`. */
export type Sizes = Readonly<Record<string, number>>;

export function bytesOf({ dataType, shape }: Value, sizes: Sizes = {}): number {
  return shape.reduce<number>((bytes, size) => bytes * sizeOf(size, sizes), bytesPerElement(dataType));
}

/** A product of names, as shape inference writes it: `4*batch`. Of names that may be equal, the first. */
function sizeOf(dimension: Dimension, sizes: Sizes): number {
  if (typeof dimension === 'number') return dimension;
  const [first] = dimension.split('|');
  return first.split('*').reduce((size, part) => size * (sizes[part] ?? (Number(part) || 1)), 1);
}

/** Operators whose result is their input under another shape. */
const views: ReadonlySet<string> = new Set(['Flatten', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze']);

/** Operators that write over their input where nobody needs it any more. */
const inPlace: ReadonlySet<string> = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Relu', 'Clip', 'HardSigmoid', 'Sigmoid', 'Tanh', 'Softmax', 'Exp', 'Sqrt'],
  ...['Neg', 'Reciprocal', 'Erf', 'Gelu'],
]);

/**
 * Most bytes that values computed by the builder's nodes take at once. Inputs and constants are not counted, and
 * values in `kept` are never freed.
 */
export function peakBytes(
  builder: Pick<GraphBuilder, 'value'>,
  nodes: readonly Node[],
  kept: readonly string[],
  sizes: Sizes = {},
): number {
  const owner = owners(nodes);
  const lastUse = new Map<string, number>();
  nodes.forEach((node, at) => {
    for (const name of node.inputs) lastUse.set(owner(name), at);
  });
  for (const name of kept) lastUse.set(owner(name), nodes.length);
  const alive = new Map<string, number>();
  let [now, peak] = [0, 0];
  nodes.forEach((node, at) => {
    for (const name of node.outputs) {
      if (name === '' || owner(name) !== name) continue;
      const bytes = bytesOf(builder.value(name), sizes);
      const replaced = inPlace.has(node.opType)
        ? node.inputs.map(owner).find((input) => alive.get(input) === bytes && lastUse.get(input) === at)
        : undefined;
      if (replaced !== undefined) alive.delete(replaced);
      else now += bytes;
      alive.set(name, bytes);
    }
    peak = Math.max(peak, now);
    for (const name of [...node.inputs.map(owner), ...node.outputs]) {
      if ((lastUse.get(name) ?? at) > at) continue;
      now -= alive.get(name) ?? 0;
      alive.delete(name);
    }
  });
  return peak;
}

/** By a value's name, the value whose memory it is in. */
function owners(nodes: readonly Node[]): (name: string) => string {
  const origin = new Map<string, string>();
  const owner = (name: string): string => origin.get(name) ?? name;
  for (const { opType, inputs, outputs } of nodes) {
    if (views.has(opType)) origin.set(outputs[0], owner(inputs[0]));
  }
  return owner;
}

export interface PlanMemory {
  /** Of the parameter vector, and of the optimizer's state. */
  readonly vectorBytes: number;
  readonly stateBytes: number;
  /** Of the examples, targets and outputs of a chunk. */
  readonly chunkBytes: number;
  readonly models: readonly Model[];
  /** Of all files, and of those that are loaded. */
  readonly fileBytes: number;
  readonly loadedBytes: number;
  /** At the peak of a step, and of a run of evaluation. */
  readonly stepBytes: number;
  readonly evaluationBytes: number;
}

/** What ONNX Runtime keeps of a node: measured on a graph of 3,759 small ones. */
const nodeBytes = 12_000;

/** ONNX Runtime's allocator rounds requests up and takes memory from the system in powers of two. */
const allocatorFactor = 1.5;

/**
 * What training and evaluation take beside the process as it is before it has a plan: the vectors of the runtime (the
 * checkpoint, two it reads and writes by turns, the delta), the tensors that the graph splits from them, carries from step to
 * step and joins again; the graphs as files (read and checked), as what ONNX Runtime reads of them, and as what it makes of that; and the
 * larger of both peaks. `npm run bench -- plan` compares it with processes.
 */
export function planMemory(parts: PlanMemory): number {
  const { vectorBytes, stateBytes, chunkBytes, models, fileBytes, loadedBytes, stepBytes, evaluationBytes } =
    parts;
  const nodes = models.reduce((sum, { graph }) => sum + countNodes(graph), 0);
  const peak = Math.max(stepBytes, evaluationBytes);
  return Math.ceil(
    7 * vectorBytes +
      5 * stateBytes +
      chunkBytes +
      fileBytes +
      3 * loadedBytes +
      nodes * nodeBytes +
      allocatorFactor * peak,
  );
}

function countNodes(graph: Graph): number {
  return graph.nodes.reduce((count, { attributes }) => {
    const inside = Object.values(attributes).map((a) => (a.kind === 'graph' ? countNodes(a.value) : 0));
    return inside.reduce((sum, nodes) => sum + nodes, count + 1);
  }, 0);
}
