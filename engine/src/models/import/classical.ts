/** The operators of ai.onnx.ml that scikit-learn's linear models and scalers become, as ordinary ones. */
import { intAttribute, stringAttribute } from '../../onnx/attributes.js';
import {
  type Attribute,
  int,
  type Model,
  type Node,
  OnnxError,
  type Tensor,
  tensorOf,
} from '../../onnx/index.js';

/** Written nodes, and the tensors they read. */
interface Lowered {
  readonly nodes: readonly Node[];
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/**
 * Linear classifiers and regressors become a dense layer with parameters, scalers and normalizers arithmetic.
 * @throws OnnxError `onnx/unsupported` for other operators of that domain: trees and kernels have no gradient
 */
export function lowerClassical(model: Model): Model {
  const { graph } = model;
  if (!graph.nodes.some(({ domain }) => domain === 'ai.onnx.ml')) return model;
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.flatMap((node) => {
    if (node.domain !== 'ai.onnx.ml') return [node];
    const lowered = lower(node);
    for (const [name, tensor] of lowered.tensors) initializers.set(name, tensor);
    return lowered.nodes;
  });
  return { ...model, graph: { ...graph, initializers, nodes } };
}

function lower(node: Node): Lowered {
  switch (node.opType) {
    case 'LinearClassifier':
      return linearClassifier(node);
    case 'LinearRegressor':
      return linearRegressor(node);
    case 'Normalizer':
      return normalizer(node);
    case 'Scaler':
      return scaler(node);
    default:
      throw new OnnxError(
        'onnx/unsupported',
        `node ${node.name || node.outputs.join(', ')} (ai.onnx.ml.${node.opType}) has no gradient; import linear models and multi-layer perceptrons, or name an output before it`,
      );
  }
}

const floatsOf = (node: Node, name: string): readonly number[] => {
  const attribute: Attribute | undefined = node.attributes[name];
  return attribute?.kind === 'floats' ? attribute.value : [];
};

const placeOf = (node: Node): string => node.name || node.opType;

/** `x · Wᵀ + b`, `rows` of numbers out. */
function dense(node: Node, rows: number, factor: number, output: string): Lowered {
  const coefficients = floatsOf(node, 'coefficients').map((value) => value * factor);
  const intercepts = floatsOf(node, 'intercepts').map((value) => value * factor);
  const columns = coefficients.length / rows;
  if (!Number.isSafeInteger(columns) || columns < 1) {
    throw new OnnxError(
      'onnx/inconsistent',
      `node ${placeOf(node)}: ${coefficients.length} coefficients do not make ${rows} rows; convert the model again`,
    );
  }
  const [weight, bias] = [`${placeOf(node)}.coefficients`, `${placeOf(node)}.intercepts`];
  return {
    nodes: [
      {
        name: `${placeOf(node)}/dense`,
        opType: 'Gemm',
        domain: '',
        inputs: [node.inputs[0], weight, bias],
        outputs: [output],
        attributes: { transB: int(1) },
      },
    ],
    tensors: new Map([
      [weight, tensorOf('float32', [rows, columns], coefficients)],
      [
        bias,
        tensorOf(
          'float32',
          [rows],
          Array.from({ length: rows }, (_, i) => intercepts[i] ?? 0),
        ),
      ],
    ]),
  };
}

function linearRegressor(node: Node): Lowered {
  requireTransform(node, ['NONE']);
  return dense(node, intAttribute(node, 'targets', 1), 1, node.outputs[0]);
}

/**
 * Its second output, the scores. Two classes are stored as w and -w with a sigmoid each, which is the softmax of half
 * of them: so that what is before it are logits like any other classifier's.
 */
function linearClassifier(node: Node): Lowered {
  const transform = requireTransform(node, ['NONE', 'SOFTMAX', 'LOGISTIC']);
  const labels = node.attributes.classlabels_ints ?? node.attributes.classlabels_strings;
  const counted = labels?.kind === 'ints' || labels?.kind === 'strings' ? labels.value.length : 0;
  const rows = floatsOf(node, 'intercepts').length || counted;
  const opposite = transform === 'LOGISTIC' && rows === 2 && isOpposite(floatsOf(node, 'coefficients'));
  const logits = transform === 'NONE' ? node.outputs[1] : `${placeOf(node)}/logits`;
  const layer = dense(node, rows, opposite ? 0.5 : 1, logits);
  if (transform === 'NONE') return layer;
  const softmax = transform === 'SOFTMAX' || opposite;
  const last: Node = {
    name: `${placeOf(node)}/scores`,
    opType: softmax ? 'Softmax' : 'Sigmoid',
    domain: '',
    inputs: [logits],
    outputs: [node.outputs[1]],
    attributes: softmax ? { axis: int(-1) } : {},
  };
  return { ...layer, nodes: [...layer.nodes, last] };
}

const isOpposite = (coefficients: readonly number[]): boolean => {
  const half = coefficients.length / 2;
  return coefficients
    .slice(0, half)
    .every((value, i) => Math.abs(value + coefficients[half + i]) <= 1e-6 * Math.abs(value));
};

function requireTransform(node: Node, known: readonly string[]): string {
  const transform = stringAttribute(node, 'post_transform', 'NONE');
  if (known.includes(transform)) return transform;
  throw new OnnxError(
    'onnx/unsupported',
    `node ${placeOf(node)} (${node.opType}) transforms its scores by ${transform}; use one of ${known.join(', ')}`,
  );
}

/** `(x - offset) · scale`. */
function scaler(node: Node): Lowered {
  const put = (name: string, values: readonly number[]): [string, Tensor] => [
    `/${placeOf(node)}/${name}`,
    tensorOf('float32', values.length === 1 ? [] : [1, values.length], values),
  ];
  const [offset, scale] = [put('offset', floatsOf(node, 'offset')), put('scale', floatsOf(node, 'scale'))];
  const centred = `${placeOf(node)}/centred`;
  const step = (opType: string, inputs: readonly string[], output: string): Node => ({
    name: `${placeOf(node)}/${opType}`,
    opType,
    domain: '',
    inputs,
    outputs: [output],
    attributes: {},
  });
  return {
    nodes: [
      step('Sub', [node.inputs[0], offset[0]], centred),
      step('Mul', [centred, scale[0]], node.outputs[0]),
    ],
    tensors: new Map([offset, scale]),
  };
}

function normalizer(node: Node): Lowered {
  const norm = stringAttribute(node, 'norm', 'MAX');
  const opType = { L1: 'ReduceL1', L2: 'ReduceL2' }[norm];
  if (opType === undefined) {
    throw new OnnxError('onnx/unsupported', `node ${placeOf(node)} normalizes by ${norm}; use L1 or L2`);
  }
  const [axes, size] = [`${placeOf(node)}/axes`, `${placeOf(node)}/size`];
  const step = (type: string, inputs: readonly string[], output: string, name: string): Node => ({
    name: `${placeOf(node)}/${name}`,
    opType: type,
    domain: '',
    inputs,
    outputs: [output],
    attributes: {},
  });
  return {
    nodes: [
      step(opType, [node.inputs[0], axes], size, 'size'),
      step('Div', [node.inputs[0], size], node.outputs[0], 'share'),
    ],
    tensors: new Map([[axes, tensorOf('int64', [1], [1])]]),
  };
}
