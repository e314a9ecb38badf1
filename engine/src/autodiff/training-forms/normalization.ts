import { floatAttribute, intAttribute } from '../../onnx/attributes.js';
import { float, isStatic, type Value } from '../../onnx/index.js';
import { add, scale as scaled } from '../expressions.js';
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
  const [y, ...statistics] = training
    ? normalizeByBatch(context, input, channelWise)
    : b.ops(node.opType, [input, ...channelWise], 1, node.attributes);
  const running = training
    ? statistics.map((value, index) => blend(context, index, channelWise[index + 2], value))
    : [];
  return [
    asRow ? { kind: 'rows', rows: { value: y, shape: x.shape } } : { kind: 'plain', value: y },
    ...running,
  ];
};

/**
 * ONNX Runtime writes the second and third output over the fourth and fifth input, also where these are constants, of which it
 * keeps equal ones once: two normalisations would write over each other's statistics. With a momentum of 0 the inputs do not
 * count, so each gets numbers that nobody else has.
 */
function normalizeByBatch(
  { builder: b, node, shared }: FormContext,
  x: Value,
  [scale, shift]: readonly Value[],
): readonly Value[] {
  const scratch = [0, 1].map(() => {
    const number = b.scalar(shared.size + 2);
    shared.set(`scratch ${shared.size}`, number);
    return b.op('Mul', [scale, number]);
  });
  return b.ops(node.opType, [x, scale, shift, ...scratch], 3, { ...node.attributes, momentum: float(0) });
}

/** `running · momentum + batch · (1 - momentum)`, as the operator would have given it. */
function blend({ builder: b, node }: FormContext, index: number, before: Value, batch: Value) {
  if ((node.outputs[index + 1] ?? '') === '') return undefined;
  const momentum = floatAttribute(node, 'momentum', 0.9);
  const value = add(b, scaled(b, before, momentum), scaled(b, batch, 1 - momentum));
  return { kind: 'plain', value } as const;
}
