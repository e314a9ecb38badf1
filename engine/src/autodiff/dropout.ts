/** Dropout whose mask is a function of a seed, so that a training run can be repeated bit for bit. */

import { dataTypeCode } from '../onnx/data-types.js';
import { elementCount, type GraphBuilder, int, isStatic, string, type Value } from '../onnx/index.js';
import { AutodiffError } from './errors.js';
import { mul } from './expressions.js';

/**
 * Inverted dropout (Srivastava et al. 2014): each element of `x` is kept with probability `1 - ratio` and then
 * divided by it, or is 0. ONNX's own operators take no seed when the graph runs, so the mask is computed:
 * element `i` is kept if a 32-bit hash of (seed, layer, i) is below a threshold. All of it is exact integer
 * arithmetic, the same on every machine. Layers that share a seed are told apart by their place in the graph.
 *
 * @param seed one element of any integer type: different for every training step.
 */
export function dropoutWithSeed(builder: GraphBuilder, x: Value, ratio: number, seed: Value): Value {
  if (!(ratio >= 0 && ratio < 1)) {
    throw new AutodiffError('autodiff/request', `a dropout ratio lies in [0, 1), not ${ratio}`);
  }
  if (ratio === 0) return x;
  const salt = builder.nodes.length;
  const numbers = hash(builder, counters(builder, x), seed, salt);
  const keep = 1 - ratio;
  const kept = builder.op('Less', [
    numbers,
    builder.scalar(Math.min(Math.round(keep * 2 ** 32), 2 ** 32 - 1), 'uint32'),
  ]);
  const mask = builder.op('Cast', [kept], { to: int(dataTypeCode(x.dataType)) });
  return mul(builder, x, mul(builder, mask, builder.scalar(1 / keep, x.dataType)));
}

/** 0, 1, 2, … in the shape of `x`. */
function counters(b: GraphBuilder, x: Value): Value {
  const [zero, one] = [b.scalar(0, 'int32'), b.scalar(1, 'int32')];
  if (isStatic(x.shape)) {
    const range = b.op('Range', [zero, b.scalar(elementCount(x.shape), 'int32'), one]);
    return b.op('Reshape', [unsigned(b, range), b.ints(x.shape)]);
  }
  const count = b.op('Cast', [b.op('Size', [x])], { to: int(dataTypeCode('int32')) });
  return b.op('Reshape', [unsigned(b, b.op('Range', [zero, count, one])), b.op('Shape', [x])]);
}

const unsigned = (b: GraphBuilder, x: Value): Value =>
  x.dataType === 'uint32' ? x : b.op('Cast', [x], { to: int(dataTypeCode('uint32')) });

/**
 * One well-mixed number for each counter. Every seed and layer walks the 32-bit integers with a stride of its own (an odd
 * number, so that it visits all), and not merely from another start: masks are no shifted copies of each other.
 */
function hash(b: GraphBuilder, counter: Value, seed: Value, salt: number): Value {
  const scalar = b.op('Reshape', [unsigned(b, seed), b.ints([])]);
  const layer = b.scalar(Math.imul(salt + 1, 0x9e3779b1) >>> 0, 'uint32');
  const start = mix(b, b.op('BitwiseXor', [scalar, layer]));
  const other = mix(b, b.op('Add', [start, b.scalar(0x9e3779b1, 'uint32')]));
  const stride = b.op('BitwiseOr', [other, b.scalar(1, 'uint32')]);
  return mix(b, b.op('Add', [b.op('Mul', [counter, stride]), start]));
}

/** lowbias32 (Wellons 2018): a bijection of 32-bit integers with no bias that tests see. */
function mix(b: GraphBuilder, x: Value): Value {
  const shifted = xorShift(b, x, 16);
  const once = xorShift(b, b.op('Mul', [shifted, b.scalar(0x7feb352d, 'uint32')]), 15);
  return xorShift(b, b.op('Mul', [once, b.scalar(0x846ca68b, 'uint32')]), 16);
}

function xorShift(b: GraphBuilder, x: Value, bits: number): Value {
  const shifted = b.op('BitShift', [x, b.scalar(bits, 'uint32')], { direction: string('RIGHT') });
  return b.op('BitwiseXor', [x, shifted]);
}
