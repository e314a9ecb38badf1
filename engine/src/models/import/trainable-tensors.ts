/** Which of a graph's tensors are parameters. */
import type { Graph, Node, Tensor } from '../../onnx/index.js';

/** The inputs of operators that hold weights; statistics of batch normalisation are not among them. */
const weightInputs: Readonly<Record<string, readonly number[]>> = {
  BatchNormalization: [1, 2],
  Conv: [1, 2],
  ConvTranspose: [1, 2],
  GRU: [1, 2, 3],
  Gather: [0],
  Gemm: [1, 2],
  InstanceNormalization: [1, 2],
  LSTM: [1, 2, 3],
  LayerNormalization: [1, 2],
  MatMul: [0, 1],
  PRelu: [1],
  RNN: [1, 2, 3],
};

/** Operators through which a tensor goes on its way to where it is used. */
export const passing: ReadonlySet<string> = new Set([
  'Identity',
  'Reshape',
  'Transpose',
  'Unsqueeze',
  'Squeeze',
]);

export interface ParameterTensor {
  readonly name: string;
  readonly tensor: Tensor;
  /** The operator that uses it. */
  readonly usedBy: string;
}

/**
 * The float32 initializers that are weights of an operator, or are added or multiplied under a name that somebody
 * chose. Scalars, and tensors with infinities (attention masks), are constants.
 */
export function parameterTensors(graph: Graph): readonly ParameterTensor[] {
  const users = new Map<string, { node: Node; index: number }[]>();
  for (const node of graph.nodes) {
    node.inputs.forEach((name, index) => {
      const known = users.get(name);
      if (known === undefined) users.set(name, [{ node, index }]);
      else known.push({ node, index });
    });
  }
  const useOf = (name: string, chosen: boolean): string | undefined => {
    for (const { node, index } of users.get(name) ?? []) {
      const { opType } = node;
      if (weightInputs[opType]?.includes(index)) return opType;
      if (chosen && isArithmetic(opType, index)) return opType;
      const further = passing.has(opType) && index === 0 ? useOf(node.outputs[0], chosen) : undefined;
      if (further !== undefined) return further;
    }
    return undefined;
  };
  return [...graph.initializers].flatMap(([name, tensor]) => {
    const { dataType, shape, data } = tensor;
    if (dataType !== 'float32' || shape.length === 0) return [];
    if (data.some((value: number | bigint) => !Number.isFinite(Number(value)))) return [];
    // The zeros that an exporter gives a convolution without bias.
    if (isMadeUp(name) && data.every((value: number | bigint) => value === 0)) return [];
    const usedBy = useOf(name, !isMadeUp(name));
    return usedBy === undefined ? [] : [{ name, tensor, usedBy }];
  });
}

/** `1 - p` and `1 / x` have constants in the first place. */
const isArithmetic = (opType: string, index: number): boolean =>
  opType === 'Add' || opType === 'Mul' || ((opType === 'Sub' || opType === 'Div') && index === 1);

/** Names that nobody chose: those of exporters' intermediate values. */
const isMadeUp = (name: string): boolean => /^(val_\d|onnx::|_val|\/|ones|scalar|constant)/.test(name);
