import { intAttribute, stringAttribute } from '../../onnx/attributes.js';
import { int } from '../../onnx/index.js';
import { type GradientContext, type GradientRule, input, outputGradient, unsupported } from '../context.js';
import { zerosLike } from '../expressions.js';

/** Whether the updates are added to what was there; if not, they replace it. */
function adds(context: GradientContext): boolean {
  const reduction = stringAttribute(context.node, 'reduction', 'none');
  if (reduction === 'add') return true;
  if (reduction !== 'none') unsupported(context, `its reduction is ${reduction}`, 'use none or add');
  return false;
}

/** The updates get what was gathered at their places; the data what was not overwritten. */
export const scatterND: GradientRule = (context) => {
  const { builder: b } = context;
  const [indices, updates] = [input(context, 1), input(context, 2)];
  const dy = outputGradient(context);
  if (context.needs(0)) {
    context.give(0, adds(context) ? dy : b.op('ScatterND', [dy, indices, zerosLike(b, updates)]));
  }
  if (context.needs(2)) context.give(2, b.op('GatherND', [dy, indices]));
};

export const scatterElements: GradientRule = (context) => {
  const { builder: b } = context;
  const axis = int(intAttribute(context.node, 'axis', 0));
  const [indices, updates] = [input(context, 1), input(context, 2)];
  const dy = outputGradient(context);
  if (context.needs(0)) {
    const rest = () => b.op('ScatterElements', [dy, indices, zerosLike(b, updates)], { axis });
    context.give(0, adds(context) ? dy : rest());
  }
  if (context.needs(2)) context.give(2, b.op('GatherElements', [dy, indices], { axis }));
};
