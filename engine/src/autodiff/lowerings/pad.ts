import { stringAttribute } from '../../onnx/attributes.js';
import { normalizeAxis } from '../../onnx/dimensions.js';
import { int } from '../../onnx/index.js';
import { knownNumbers, knownSize, type Lowering, operand, refuse, requireTable } from './lowering.js';

/** Padding by reflection, repetition of the edge, or wrapping around: elements gathered along each axis. */
export const lowerPad: Lowering = (b, node, inputs) => {
  const mode = stringAttribute(node, 'mode', 'constant');
  let x = operand(node, inputs, 0);
  const rank = x.shape.length;
  const amounts = knownNumbers(b, node, operand(node, inputs, 1));
  const named = inputs[3] === undefined ? x.shape.map((_, axis) => axis) : knownNumbers(b, node, inputs[3]);
  named.forEach((name, i) => {
    const axis = normalizeAxis(name, rank);
    const [before, after] = [amounts[i], amounts[i + named.length]];
    if (before === 0 && after === 0) return;
    const size = knownSize(node, x, axis);
    requireTable(node, before + size + after);
    const indices = Array.from({ length: before + size + after }, (_, at) =>
      sourceOf(at - before, size, mode),
    );
    if (indices.some((at) => at === undefined)) refuse(node, `cannot pad by ${mode}`, 'pad with a constant');
    x = b.op('Gather', [x, b.ints(indices.map(Number))], { axis: int(axis) });
  });
  return [x];
};

/** Where the element at a position, possibly outside, comes from. */
function sourceOf(at: number, size: number, mode: string): number | undefined {
  switch (mode) {
    case 'edge':
      return Math.max(0, Math.min(size - 1, at));
    case 'wrap':
      return ((at % size) + size) % size;
    case 'reflect': {
      if (size === 1) return 0;
      const period = 2 * (size - 1);
      const within = ((at % period) + period) % period;
      return within < size ? within : period - within;
    }
    default:
      return undefined;
  }
}
