import { floatAttribute, intAttribute } from '../../onnx/attributes.js';
import { float, isStatic } from '../../onnx/index.js';
import { add, scale } from '../expressions.js';
import type { FormContext, TrainingForm } from './form.js';

/**
 * By the batch's statistics, which a momentum of 0 makes the operator give, so that the gradient need not compute
 * them again. The running ones, where somebody wants them, follow from these.
 */
export const batchNormalization: TrainingForm = (context) => {
  const { builder: b, node, placements, inRows } = context;
  const x = context.original(0);
  if (x === undefined || x.shape.length < 3 || !isStatic(x.shape.slice(1))) return undefined;
  const training = intAttribute(node, 'training_mode', 0) !== 0;
  if (!training && !inRows) return undefined;
  const asRow = inRows && (placements.hasRows(x.name) || training);
  const channelWise = node.inputs.slice(1).map((name) => placements.plain(name));
  const input = asRow ? placements.rows(x.name).value : placements.plain(x.name);
  const attributes = training ? { ...node.attributes, momentum: float(0) } : node.attributes;
  const [y, ...statistics] = b.ops(node.opType, [input, ...channelWise], training ? 3 : 1, attributes);
  const running = training
    ? statistics.map((value, index) => blend(context, index, channelWise[index + 2], value))
    : [];
  return [
    asRow ? { kind: 'rows', rows: { value: y, shape: x.shape } } : { kind: 'plain', value: y },
    ...running,
  ];
};

/** `running · momentum + batch · (1 - momentum)`, as the operator would have given it. */
function blend(
  { builder: b, node }: FormContext,
  index: number,
  before: Parameters<typeof add>[1],
  batch: Parameters<typeof add>[1],
) {
  if ((node.outputs[index + 1] ?? '') === '') return undefined;
  const momentum = floatAttribute(node, 'momentum', 0.9);
  const value = add(b, scale(b, before, momentum), scale(b, batch, 1 - momentum));
  return { kind: 'plain', value } as const;
}
