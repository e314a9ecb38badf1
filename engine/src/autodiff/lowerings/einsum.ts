import { stringAttribute } from '../../onnx/attributes.js';
import type { GraphBuilder, Node, Value } from '../../onnx/index.js';
import { reduceSum, reshape, transpose } from '../expressions.js';
import { type Lowering, operand, refuse } from './lowering.js';

/** A tensor whose axes have letters. */
interface Lettered {
  readonly value: Value;
  readonly letters: readonly string[];
}

/** Einstein summation as matrix products of pairs, from the left. */
export const lowerEinsum: Lowering = (b, node, inputs) => {
  const values = inputs.map((_, index) => operand(node, inputs, index));
  const { terms, result } = parse(node, values);
  let current: Lettered = { value: values[0], letters: terms[0] };
  for (let i = 1; i < values.length; i++) {
    const wanted = new Set([...result, ...terms.slice(i + 1).flat()]);
    current = contract(b, current, { value: values[i], letters: terms[i] }, wanted);
  }
  const summed = sumOut(b, current, new Set(result));
  return [
    transpose(
      b,
      summed.value,
      result.map((letter) => summed.letters.indexOf(letter)),
    ),
  ];
};

function parse(node: Node, values: readonly Value[]): { terms: string[][]; result: string[] } {
  const equation = stringAttribute(node, 'equation', '').replaceAll(' ', '');
  const [left, right] = equation.split('->');
  const sides = left.split(',');
  if (sides.length !== values.length || !/^[A-Za-z.,]*(->[A-Za-z.]*)?$/.test(equation)) {
    refuse(node, `the equation ${equation} does not fit its inputs`, 'check the model');
  }
  let dots: string[] = [];
  const terms = sides.map((side, i) => {
    const rest = values[i].shape.length - side.replace('...', '').length;
    // Axes under the dots are counted from the right.
    const names = Array.from({ length: rest }, (_, at) => `.${rest - at}`);
    if (names.length > dots.length) dots = names;
    const letters = side.split('...').flatMap((part, at) => [...(at > 0 ? names : []), ...part]);
    if (letters.length !== values[i].shape.length || new Set(letters).size !== letters.length) {
      refuse(node, `${side} repeats an axis or misses one`, 'take the diagonal before');
    }
    return letters;
  });
  if (right !== undefined) {
    return { terms, result: right.split('...').flatMap((part, at) => [...(at > 0 ? dots : []), ...part]) };
  }
  const once = [...new Set(terms.flat())].filter(
    (letter) => !letter.startsWith('.') && terms.flat().filter((other) => other === letter).length === 1,
  );
  return { terms, result: [...dots, ...once.sort()] };
}

function sumOut(b: GraphBuilder, { value, letters }: Lettered, wanted: ReadonlySet<string>): Lettered {
  const gone = letters.flatMap((letter, axis) => (wanted.has(letter) ? [] : [axis]));
  return {
    value: reduceSum(b, value, gone, false),
    letters: letters.filter((letter) => wanted.has(letter)),
  };
}

/** Axes of both that stay are a batch, those of both that go are summed by the product. */
function contract(b: GraphBuilder, left: Lettered, right: Lettered, wanted: ReadonlySet<string>): Lettered {
  const x = sumOut(b, left, new Set([...wanted, ...right.letters]));
  const y = sumOut(b, right, new Set([...wanted, ...x.letters]));
  const shared = x.letters.filter((letter) => y.letters.includes(letter));
  const batch = shared.filter((letter) => wanted.has(letter));
  const inner = shared.filter((letter) => !wanted.has(letter));
  const rows = x.letters.filter((letter) => !shared.includes(letter));
  const columns = y.letters.filter((letter) => !shared.includes(letter));
  const sizes = new Map([
    ...x.letters.map((l, i) => [l, x.value.shape[i]] as const),
    ...y.letters.map((l, i) => [l, y.value.shape[i]] as const),
  ]);
  const shapeOf = (letters: readonly string[]) => letters.map((letter) => sizes.get(letter) ?? 1);
  const count = (letters: readonly string[]) =>
    letters.length === 1
      ? shapeOf(letters)[0]
      : shapeOf(letters).reduce<number | string>(
          (n, size) => (typeof n === 'number' && typeof size === 'number' ? n * size : `${n}*${size}`),
          1,
        );
  const arrange = (
    { value, letters }: Lettered,
    order: readonly string[],
    groups: readonly (readonly string[])[],
  ) => {
    const moved = transpose(
      b,
      value,
      order.map((letter) => letters.indexOf(letter)),
    );
    return reshape(b, moved, [...shapeOf(batch), ...groups.map(count)]);
  };
  const a = arrange(x, [...batch, ...rows, ...inner], [rows, inner]);
  const c = arrange(y, [...batch, ...inner, ...columns], [inner, columns]);
  const letters = [...batch, ...rows, ...columns];
  return { value: reshape(b, b.op('MatMul', [a, c]), shapeOf(letters)), letters };
}
