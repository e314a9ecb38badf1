/**
 * The standard normal distribution function, to almost the last bit also far out in its tails: by W. J. Cody's
 * rational Chebyshev approximations of erf and erfc (Mathematics of Computation 23, 1969), which keep the
 * relative error below 6e-19 before rounding.
 */
const nearNumerator = [
  3.1611237438705655, 113.86415415105016, 377.485237685302, 3.2093775891384694e3, 0.18577770618460315,
];
const nearDenominator = [23.601290952344122, 244.02463793444417, 1.2826165260773723e3, 2.844236833439171e3];
const middleNumerator = [
  0.5641884969886701, 8.883149794388377, 66.11919063714163, 298.6351381974001, 881.952221241769,
  1.7120476126340707e3, 2.0510783778260716e3, 1.2303393547979972e3, 2.1531153547440383e-8,
];
const middleDenominator = [
  15.744926110709835, 117.6939508913125, 537.1811018620099, 1.6213895745666903e3, 3.2907992357334597e3,
  4.362619090143247e3, 3.4393676741437216e3, 1.2303393548037495e3,
];
const farNumerator = [
  0.30532663496123236, 0.36034489994980445, 0.12578172611122926, 0.016083785148742275, 6.587491615298378e-4,
  0.016315387137302097,
];
const farDenominator = [
  2.568520192289822, 1.8729528499234673, 0.5279051029514285, 0.06051834131244132, 2.3352049762686918e-3,
];

const inverseSqrtPi = 1 / Math.sqrt(Math.PI);
const nearLimit = 0.46875;

/** P(Z ≤ x) for a standard normal Z. */
export function normalCdf(x: number): number {
  const t = x * Math.SQRT1_2;
  const y = Math.abs(t);
  if (y <= nearLimit) return 0.5 + 0.5 * erfNear(t);
  const tail = 0.5 * expOfMinusSquare(y) * erfcScaled(y);
  return t < 0 ? tail : 1 - tail;
}

/** log P(Z ≤ x), finite also where the probability itself underflows. */
export function logNormalCdf(x: number): number {
  const t = x * Math.SQRT1_2;
  const y = Math.abs(t);
  if (y <= nearLimit) return Math.log(0.5 + 0.5 * erfNear(t));
  if (t > 0) return Math.log1p(-0.5 * expOfMinusSquare(y) * erfcScaled(y));
  return Math.log(0.5 * erfcScaled(y)) - y * y;
}

function erfNear(t: number): number {
  const z = t * t;
  let numerator = nearNumerator[4] * z;
  let denominator = z;
  for (let i = 0; i < 3; i += 1) {
    numerator = (numerator + nearNumerator[i]) * z;
    denominator = (denominator + nearDenominator[i]) * z;
  }
  return (t * (numerator + nearNumerator[3])) / (denominator + nearDenominator[3]);
}

/** exp(y²)·erfc(y) for y > 0.46875. */
function erfcScaled(y: number): number {
  if (y <= 4) {
    let numerator = middleNumerator[8] * y;
    let denominator = y;
    for (let i = 0; i < 7; i += 1) {
      numerator = (numerator + middleNumerator[i]) * y;
      denominator = (denominator + middleDenominator[i]) * y;
    }
    return (numerator + middleNumerator[7]) / (denominator + middleDenominator[7]);
  }
  const z = 1 / (y * y);
  let numerator = farNumerator[5] * z;
  let denominator = z;
  for (let i = 0; i < 4; i += 1) {
    numerator = (numerator + farNumerator[i]) * z;
    denominator = (denominator + farDenominator[i]) * z;
  }
  const correction = (z * (numerator + farNumerator[4])) / (denominator + farDenominator[4]);
  return (inverseSqrtPi - correction) / y;
}

/** exp(-y²), with y split so that the square's rounding does not show in the exponent. */
function expOfMinusSquare(y: number): number {
  const head = Math.trunc(y * 16) / 16;
  return Math.exp(-head * head) * Math.exp(-(y - head) * (y + head));
}
