import { graphOfAttribute, intAttribute, intsAttribute } from '../attributes.js';
import { checkedAxis, type InferenceRule, required } from './context.js';

/** `Scan`: first the final states, then the outputs of every step stacked along a new axis. */
export const scan: InferenceRule = (context) => {
  const body = graphOfAttribute(context.node, 'body');
  const scanned = intAttribute(context.node, 'num_scan_inputs', 0);
  const states = context.inputs.length - scanned;
  const first = required(context, states);
  const inputAxis = checkedAxis(
    context,
    intsAttribute(context.node, 'scan_input_axes')?.[0] ?? 0,
    first.shape.length,
  );
  const steps = first.shape[inputAxis];
  const outputAxes = intsAttribute(context.node, 'scan_output_axes');
  return body.outputs.map(({ dataType, shape }, index) => {
    if (index < states) return { dataType, shape };
    const axis = checkedAxis(context, outputAxes?.[index - states] ?? 0, shape.length + 1);
    return { dataType, shape: [...shape.slice(0, axis), steps, ...shape.slice(axis)] };
  });
};
