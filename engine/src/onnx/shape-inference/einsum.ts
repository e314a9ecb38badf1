import { stringAttribute } from '../attributes.js';
import type { Dimension } from '../graph.js';
import { fail, type InferenceRule, required } from './context.js';

/** `Einsum`: every letter of the result has the size it has in the inputs. */
export const einsum: InferenceRule = (context) => {
  const equation = stringAttribute(context.node, 'equation', '').replaceAll(' ', '');
  const [left, right] = equation.split('->');
  const sides = left.split(',');
  if (sides.length !== context.inputs.length) {
    fail(context, `${equation.slice(0, 80)} has ${sides.length} terms for ${context.inputs.length} inputs`);
  }
  const sizes = new Map<string, Dimension>();
  let dots: string[] = [];
  sides.forEach((side, i) => {
    const { shape } = required(context, i);
    const rest = shape.length - side.replace('...', '').length;
    if (rest < 0 || (rest > 0 && !side.includes('...'))) {
      fail(context, `${side.slice(0, 80)} does not fit input ${i}`);
    }
    const names = Array.from({ length: rest }, (_, at) => `.${rest - at}`);
    if (names.length > dots.length) dots = names;
    const letters = side.split('...').flatMap((part, at) => [...(at > 0 ? names : []), ...part]);
    letters.forEach((letter, axis) => {
      const known = sizes.get(letter);
      if (known === undefined || known === 1) sizes.set(letter, shape[axis]);
    });
  });
  const letters = sides.flatMap((side) => [...side.replace('...', '')]);
  const once = [...new Set(letters)].filter(
    (letter) => letters.indexOf(letter) === letters.lastIndexOf(letter),
  );
  const result =
    right === undefined
      ? [...dots, ...once.sort()]
      : right.split('...').flatMap((part, at) => [...(at > 0 ? dots : []), ...part]);
  const shape = result.map((letter) => sizes.get(letter) ?? fail(context, `${letter} is in no input`));
  return [{ dataType: required(context, 0).dataType, shape }];
};
