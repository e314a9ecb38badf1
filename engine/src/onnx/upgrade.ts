/** Rewrites nodes of older operator sets to the one that builders use. */
import { describe, int, intsAttribute } from './attributes.js';
import type { GraphBuilder } from './builder.js';
import { dataTypeCode } from './data-types.js';
import { OnnxError } from './errors.js';
import type { Node } from './graph.js';

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
 * Newer versions up to 21 differ only by types that are not used here, but for GroupNormalization.
 */
export function upgradeNode(node: Node, opset: number, builder: GraphBuilder): Node {
  if (node.domain !== '') return node;
  if (node.opType === 'CastLike') return castLike(node, builder);
  if (node.opType === 'GroupNormalization') {
    throw new OnnxError(
      'onnx/unsupported',
      `${describe(node)}: its meaning changed between operator sets; export the model with opset 17, which writes it out`,
    );
  }
  if (opset >= 18) return node;
  if (axesBecameInput.has(node.opType)) return axesAsInput(node, builder);
  if (node.opType === 'Split' && node.inputs.length < 2) {
    return { ...node, attributes: { ...node.attributes, num_outputs: int(node.outputs.length) } };
  }
  return node;
}

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
