/**
 * Folds updates into the products that give the gradients: `W + Aᵀ·G` becomes one `Gemm` with `W` as its third
 * operand, which saves reading and writing a tensor as large as the weight; and `b + Σ G` the product of a row of ones
 * with `G`, which is one operator instead of two; and an embedding's gradients are added where they belong, without zeros for
 * all others. Measured on one thread, batch 20: a 784-200-10 step takes 0.89 of the time
 * it takes without the first, a 784-200-200-10 step 0.92 of the time it takes without the second.
 */
import { float, type Graph, type Node, type Tensor, tensorOf, toNumbers, type Value } from '../onnx/index.js';

export interface StepBody {
  /** The body of the loop: inputs are states and then slices, outputs the new states and then the model's output. */
  readonly graph: Graph;
  /** Values of the graph, for their shapes. */
  readonly value: (name: string) => Value;
}

/**
 * @param stateCount how many of the inputs and outputs are states, each shaped like its gradient
 * @returns the body, in which biases that only products take are states of one row, `[1, N]`
 */
export function foldUpdates({ graph, value }: StepBody, stateCount: number): StepBody {
  const states = new Set(graph.outputs.slice(0, stateCount).map(({ name }) => name));
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const uses = countUses(graph);
  const once = (name: string, opType: string): Node | undefined => {
    const node = producers.get(name);
    return node?.opType === opType && uses.get(name) === 1 ? node : undefined;
  };
  const initializers = new Map(graph.initializers);
  const rows = new Map<string, Value>();
  const gone = new Set<Node>();

  /** Operands of the product that gives what an update adds to its state, and the product's attributes. */
  const productOf = (update: Node, kept: string): Pick<Node, 'inputs' | 'attributes'> | undefined => {
    const product = once(update.inputs[1], 'Gemm');
    if (product?.inputs.length === 2) {
      gone.add(product);
      return product;
    }
    const sum = once(update.inputs[1], 'ReduceSum');
    if (sum === undefined || uses.get(update.outputs[0]) !== 1) return;
    if (!isColumnSum(sum, graph) || !isBiasOfProducts(graph, update, kept)) return;
    const [batch, width] = value(sum.inputs[0]).shape;
    if (typeof batch !== 'number') return;
    gone.add(sum);
    const ones = onesName(batch);
    initializers.set(ones, tensorOf('float32', [1, batch], new Float32Array(batch).fill(1)));
    for (const name of [kept, update.outputs[0]]) rows.set(name, { ...value(name), shape: [1, width] });
    return { inputs: [ones, sum.inputs[0]], attributes: {} };
  };

  /** What an embedding's update adds to zeros, added to the embedding itself. */
  const scattered = (update: Node): Node | undefined => {
    const scatter = once(update.inputs[1], 'ScatterND');
    const zeros = once(scatter?.inputs[0] ?? '', 'Expand');
    if (scatter?.attributes.reduction?.value !== 'add' || zeros === undefined) return;
    if (scalarOf(graph.initializers.get(zeros.inputs[0])) !== 0) return;
    gone.add(scatter).add(zeros);
    return { ...scatter, inputs: [update.inputs[0], ...scatter.inputs.slice(1)], outputs: update.outputs };
  };

  const nodes = graph.nodes.map((node) => {
    if (node.opType !== 'Add' || !states.has(node.outputs[0])) return node;
    const scaled = once(node.inputs[0], 'Mul');
    const factor = scaled === undefined ? undefined : scalarOf(graph.initializers.get(scaled.inputs[1]));
    const weighed = scaled === undefined || factor === undefined ? undefined : { scaled, factor };
    const kept = weighed?.scaled.inputs[0] ?? node.inputs[0];
    const product = productOf(node, kept);
    if (product === undefined) return scattered(node) ?? node;
    if (weighed !== undefined) gone.add(weighed.scaled);
    const attributes = { ...product.attributes, beta: float(weighed?.factor ?? 1) };
    return { ...node, opType: 'Gemm', inputs: [...product.inputs, kept], attributes };
  });
  const asRows = (values: readonly Value[]): readonly Value[] =>
    values.map((each) => rows.get(each.name) ?? each);
  return {
    graph: {
      ...graph,
      inputs: asRows(graph.inputs),
      outputs: asRows(graph.outputs),
      initializers,
      nodes: nodes.filter((node) => !gone.has(node)),
    },
    value: (name) => rows.get(name) ?? value(name),
  };
}

/** The name of a row of so many ones. */
export function onesName(length: number): string {
  return `ones/${length}`;
}

/** How often each value is taken by a node or put out. */
export function countUses(graph: Graph): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  const use = (name: string): void => void uses.set(name, (uses.get(name) ?? 0) + 1);
  for (const node of graph.nodes) node.inputs.forEach(use);
  for (const { name } of graph.outputs) use(name);
  return uses;
}

/** `[batch, N]` to `[N]`. */
function isColumnSum({ inputs, attributes }: Node, graph: Graph): boolean {
  const axes = graph.initializers.get(inputs[1]);
  const first = axes === undefined ? [] : [...toNumbers(axes)];
  return attributes.keepdims?.value === 0 && first.length === 1 && first[0] === 0;
}

/** A state that nothing takes but its update and, as their third operand, products: these take one row as well. */
function isBiasOfProducts(graph: Graph, update: Node, state: string): boolean {
  return (
    graph.inputs.some(({ name, shape }) => name === state && shape.length === 1) &&
    graph.outputs.every(({ name }) => name !== state) &&
    graph.nodes.every(({ opType, inputs, outputs }) =>
      inputs.every(
        (name, at) => name !== state || outputs[0] === update.outputs[0] || (opType === 'Gemm' && at === 2),
      ),
    )
  );
}

function scalarOf(tensor: Tensor | undefined): number | undefined {
  return tensor?.data instanceof Float32Array && tensor.shape.length === 0 ? tensor.data[0] : undefined;
}
