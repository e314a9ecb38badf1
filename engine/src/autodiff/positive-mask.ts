import { float, type GraphBuilder, toNumbers, type Value } from '../onnx/index.js';

/** Close to the largest float32: what it multiplies is 0, or past 1 unless it is below the normal numbers. */
const steep = 3e38;

/**
 * 1 where `x` is positive and 0 elsewhere: `clip(steep · x, 0, 1)`. One operator that ONNX Runtime computes with vector instructions; `Sign` takes 5 times as long, comparing and casting 1.2 times.
 */
export function positiveMask(builder: GraphBuilder, x: Value): Value {
  return builder.op('HardSigmoid', [x], { alpha: float(steep), beta: float(0) });
}

/** 1 where `x`, which is never positive, is 0, and 0 where it is negative: where something equals its maximum. */
export function zeroMask(builder: GraphBuilder, x: Value): Value {
  return builder.op('HardSigmoid', [x], { alpha: float(steep), beta: float(1) });
}

/**
 * 1 where `x` is within a bound or equals it, and 0 beyond (`Less` than it, or `Greater`); undefined where the bound is no
 * constant, or the next number beyond it is nearer to it than those on this side.
 *
 * With s the reciprocal of the distance to that number, `clip(1 + s · (bound - x), 0, 1)` for an upper bound. All of it is
 * exact near the bound: s · bound is an integer of at most 24 bits. Comparing, casting and subtracting take three times as long.
 */
export function withinMask(
  builder: GraphBuilder,
  x: Value,
  bound: Value,
  beyond: 'Less' | 'Greater',
): Value | undefined {
  const stored = builder.constantOf(bound);
  if (stored?.data.length !== 1 || stored.dataType !== 'float32') return undefined;
  const [limit] = toNumbers(stored);
  const sign = beyond === 'Greater' ? 1 : -1;
  if (sign * limit < 0 || !Number.isFinite(limit)) return undefined;
  const exponent = limit === 0 ? undefined : Math.floor(Math.log2(Math.abs(limit)));
  if (exponent !== undefined && Math.abs(exponent) > 64) return undefined;
  const rise = exponent === undefined ? steep : 2 ** (23 - exponent);
  return builder.op('HardSigmoid', [x], {
    alpha: float(-sign * rise),
    beta: float(1 + Math.abs(limit) * (exponent === undefined ? 0 : rise)),
  });
}
