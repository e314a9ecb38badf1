/** Rewrites nodes of older operator sets to the one that builders use. */
import {
  describe,
  floatAttribute,
  int,
  intAttribute,
  ints,
  intsAttribute,
  string,
  stringAttribute,
} from './attributes.js';
import type { GraphBuilder } from './builder.js';
import { dataTypeCode } from './data-types.js';
import { OnnxError } from './errors.js';
import type { Dimension, Node, Value } from './graph.js';
import { groupNormalization } from './group-normalization.js';
import { toNumbers } from './tensors.js';
import { windowGeometry } from './window-geometry.js';

/** Reductions whose axes became an input with opset 18 (ReduceSum's did with 13). */
const axesBecameInput: ReadonlySet<string> = new Set([
  'ReduceL1',
  'ReduceL2',
  'ReduceLogSum',
  'ReduceLogSumExp',
  'ReduceMax',
  'ReduceMean',
  'ReduceMin',
  'ReduceProd',
  'ReduceSumSquare',
]);

/**
 * A node of `opset` (13 to 21) as one of opset 20. Constants it now takes as inputs are added to `builder`.
 * Newer versions up to 21 differ only by types that are not used here, but for GroupNormalization, which is written out.
 */
export function upgradeNode(node: Node, opset: number, builder: GraphBuilder): Node {
  if (node.domain !== '') return node;
  if (node.opType === 'CastLike') return castLike(node, builder);
  if (node.opType === 'GroupNormalization') return writtenOut(node, opset, builder);
  if (node.opType === 'GridSample' && opset < 20) return withNewModes(node);
  if (windowed.has(node.opType)) return withExplicitPadding(withoutStrayBias(node, builder), builder);
  if (opset >= 18) return node;
  if (axesBecameInput.has(node.opType)) return axesAsInput(node, builder);
  if (node.opType === 'Split' && node.inputs.length < 2) {
    return { ...node, attributes: { ...node.attributes, num_outputs: int(node.outputs.length) } };
  }
  return node;
}

/** The modes of GridSample lost their prefix with opset 20. */
function withNewModes(node: Node): Node {
  const mode = stringAttribute(node, 'mode', 'bilinear').replace(/^bi/, '');
  return { ...node, attributes: { ...node.attributes, mode: string(mode) } };
}

/** PyTorch 2.8 writes a bias `[channels, 2]` of zeros for 3-D convolutions that have none, which no runtime takes. */
function withoutStrayBias(node: Node, builder: GraphBuilder): Node {
  const bias = node.opType === 'Conv' && node.inputs[2] ? builder.value(node.inputs[2]) : undefined;
  if (bias?.shape.length !== 2) return node;
  const stored = builder.constantOf(bias);
  const isNothing = stored !== undefined && toNumbers(stored).every((element) => element === 0);
  return isNothing ? { ...node, inputs: node.inputs.slice(0, 2) } : node;
}

const windowed: ReadonlySet<string> = new Set(['AveragePool', 'Conv', 'LpPool', 'MaxPool']);

/** ONNX Runtime knows no automatic padding of dilated windows, and gradients are simpler of explicit padding. */
function withExplicitPadding(node: Node, builder: GraphBuilder): Node {
  if (!stringAttribute(node, 'auto_pad', 'NOTSET').startsWith('SAME')) return node;
  const spatial = builder.value(node.inputs[0]).shape.slice(2);
  const kernel =
    intsAttribute(node, 'kernel_shape') ??
    builder
      .value(node.inputs[1] ?? '')
      .shape.slice(2)
      .filter(isNumber);
  if (kernel.length !== spatial.length || !spatial.every(isNumber)) return node;
  const { padsBegin, padsEnd } = windowGeometry(node, spatial, kernel);
  const { auto_pad: _resolved, ...attributes } = node.attributes;
  return { ...node, attributes: { ...attributes, pads: ints([...padsBegin, ...padsEnd]) } };
}

const isNumber = (size: Dimension): size is number => typeof size === 'number';

/** The type of the other input is known here. */
function castLike(node: Node, builder: GraphBuilder): Node {
  const { dataType } = builder.value(node.inputs[1]);
  const attributes = { to: int(dataTypeCode(dataType)) };
  return { ...node, opType: 'Cast', inputs: [node.inputs[0]], attributes };
}

function axesAsInput(node: Node, builder: GraphBuilder): Node {
  const axes = intsAttribute(node, 'axes');
  if (axes === undefined) return node;
  const { axes: _removed, ...attributes } = node.attributes;
  return { ...node, inputs: [node.inputs[0], builder.ints(axes).name], attributes };
}

/** Its scale and bias are one number for each group before 21, and one for each channel from then on. */
function writtenOut(node: Node, opset: number, builder: GraphBuilder): Node {
  const [x, scale, bias] = node.inputs.map((name) => builder.value(name));
  const groups = intAttribute(node, 'num_groups', 0);
  const channels = x?.shape[1];
  if (
    x === undefined ||
    scale === undefined ||
    bias === undefined ||
    groups < 1 ||
    typeof channels !== 'number' ||
    channels % groups !== 0
  ) {
    throw new OnnxError(
      'onnx/shape',
      `${describe(node)}: it needs num_groups, a scale, a bias and a known number of channels that the groups divide`,
    );
  }
  const perChannel = (value: Value): Value => {
    if (opset >= 21) return value;
    const spread = builder.op('Expand', [
      builder.op('Reshape', [value, builder.ints([groups, 1])]),
      builder.ints([groups, channels / groups]),
    ]);
    return builder.op('Reshape', [spread, builder.ints([channels])]);
  };
  const result = groupNormalization(builder, x, perChannel(scale), perChannel(bias), {
    groups,
    epsilon: floatAttribute(node, 'epsilon', 1e-5),
  });
  return { ...node, opType: 'Identity', inputs: [result.name], attributes: {} };
}
