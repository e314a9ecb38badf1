/** Finding the layer that examples go into first, where plain SGD alone changes it. */
import { elementCount, isStatic, type Node } from '../onnx/index.js';
import { countUses, onesName, type StepBody } from './fold-updates.js';

/** Elements of the smallest weight for which blocks pay; below, it is operators that cost, of which a block has more. */
const weightElementsMin = 32_768;

/** The first layer of a model: `rows · weight + bias`, and its updates. */
export interface FirstLayer {
  /** Takes the step's examples from all there are. */
  readonly gather: Node;
  /** Nodes that make rows of the examples, if they are not rows. */
  readonly views: readonly Node[];
  readonly forward: Node;
  readonly weightUpdate: Node;
  readonly biasUpdate: Node | undefined;
  /** Whether the weight is `[out, in]`, as PyTorch has it, and not `[in, out]`. */
  readonly byOutputs: boolean;
  /** The name of minus the learning rate times the gradient of the layer's output, `[batch, out]`. */
  readonly change: string;
  readonly batch: number;
  readonly width: number;
  readonly outputs: number;
}

/**
 * Undefined where the layer is not a dense one, where examples go elsewhere too, where anything but its own products takes the layer's parameters, or where they
 * are few.
 */
export function findFirstLayer(
  { graph, value }: StepBody,
  stateCount: number,
  examples: string,
): FirstLayer | undefined {
  const inLoops = graph.nodes.some(({ attributes }) =>
    Object.values(attributes).some(({ kind }) => kind === 'graph'),
  );
  if (inLoops) return undefined;
  const uses = countUses(graph);
  const users = (name: string): readonly Node[] => graph.nodes.filter(({ inputs }) => inputs.includes(name));
  const gather = graph.nodes.find(({ outputs }) => outputs[0] === examples);
  if (gather === undefined) return undefined;
  const views: Node[] = [];
  let rows = examples;
  for (let next = users(rows); next.length === 1 && isView(next[0]); next = users(rows)) {
    views.push(next[0]);
    rows = next[0].outputs[0];
  }
  const [batch, width, ...more] = value(rows).shape;
  if (typeof batch !== 'number' || typeof width !== 'number' || more.length > 0) return undefined;

  const states = graph.inputs.slice(0, stateCount).map(({ name }) => name);
  const updateOf = (state: string | undefined): Node | undefined => {
    const output = graph.outputs[states.indexOf(state ?? '')]?.name;
    return graph.nodes.find(({ outputs }) => outputs[0] === output);
  };
  const [forward, weightUpdate] = users(rows);
  if (uses.get(rows) !== 2 || forward === undefined || weightUpdate === undefined) return undefined;
  const [, weight, bias] = forward.inputs;
  const byOutputs = forward.opType === 'Gemm' && isPlain(forward, { transB: 1 });
  const isProduct = forward.opType === 'MatMul' || (forward.opType === 'Gemm' && isPlain(forward, {}));
  if (!(isProduct || byOutputs) || forward.inputs[0] !== rows || updateOf(weight) !== weightUpdate)
    return undefined;
  const [left, right, before] = weightUpdate.inputs;
  const [taken, change] = byOutputs ? [right, left] : [left, right];
  if (weightUpdate.opType !== 'Gemm' || !isPlain(weightUpdate, { transA: 1 })) return undefined;
  if (taken !== rows || before !== weight || uses.get(weight) !== 2) return undefined;

  const biasUpdate = bias === undefined ? undefined : updateOf(bias);
  if (bias !== undefined) {
    if (biasUpdate?.opType !== 'Gemm' || !isPlain(biasUpdate, {}) || uses.get(bias) !== 2) return undefined;
    const [ones, summed, from] = biasUpdate.inputs;
    if (ones !== onesName(batch) || summed !== change || from !== bias) return undefined;
  }
  const { shape } = value(weight);
  if (!isStatic(shape) || elementCount(shape) < weightElementsMin) return undefined;
  const outputs = shape[byOutputs ? 0 : 1];
  return { gather, views, forward, weightUpdate, biasUpdate, byOutputs, change, batch, width, outputs };
}

function isView({ opType }: Node): boolean {
  return opType === 'Reshape' || opType === 'Flatten';
}

/** Whether a `Gemm` has no factors, and is transposed as told. */
function isPlain({ attributes }: Node, expected: Readonly<Record<string, number>>): boolean {
  const plain: Readonly<Record<string, number>> = { alpha: 1, beta: 1, transA: 0, transB: 0, ...expected };
  return Object.entries(plain).every(([name, wanted]) => {
    const found = attributes[name]?.value ?? (name === 'alpha' || name === 'beta' ? 1 : 0);
    return found === wanted;
  });
}
