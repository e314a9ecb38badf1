/**
 * How parameters start. Names and scales as in Keras: glorot (Glorot & Bengio 2010), he (He et al. 2015),
 * lecun (LeCun et al. 1998), orthogonal (Saxe et al. 2014).
 */

import { type Fields, fail, isRecord, type Place, readFields } from '../fields.js';
import { type RandomGenerator, standardNormal, uniform01 } from '../random.js';

const simpleKinds = [
  'zeros',
  'ones',
  'glorotUniform',
  'glorotNormal',
  'heUniform',
  'heNormal',
  'lecunUniform',
  'lecunNormal',
  'orthogonal',
] as const;

export type Initializer =
  | { readonly kind: (typeof simpleKinds)[number] }
  | { readonly kind: 'normal'; readonly mean: number; readonly stddev: number }
  | { readonly kind: 'uniform'; readonly minimum: number; readonly maximum: number };

/** Number of inputs that reach one output, and of outputs that one input reaches. */
export interface Fans {
  readonly fanIn: number;
  readonly fanOut: number;
}

/** Reads `"glorotUniform"` or `{ "kind": "normal", "mean": 0, "stddev": 0.01 }`. */
export function readInitializer(fields: Fields, name: string, otherwise: Initializer): Initializer {
  const found = fields.raw(name);
  if (found === undefined) {
    return otherwise;
  }
  const place: Place = { ...fields.place, name: `${fields.place.name} ${name}` };
  const kind = isRecord(found) ? found.kind : found;
  const simple = simpleKinds.find((candidate) => candidate === kind);
  if (simple !== undefined) {
    return { kind: simple };
  }
  if (!isRecord(found) || (kind !== 'normal' && kind !== 'uniform')) {
    fail(
      place,
      `unknown initializer ${JSON.stringify(kind)}; choose ${simpleKinds.join(', ')}, normal or uniform`,
    );
  }
  const own = readFields(found, place);
  own.raw('kind');
  const any = (): boolean => true;
  const read: Initializer =
    kind === 'normal'
      ? {
          kind,
          mean: own.number('mean', any, '', 0),
          stddev: own.number('stddev', (value) => value > 0, 'above 0'),
        }
      : {
          kind,
          minimum: own.number('minimum', any, ''),
          maximum: own.number('maximum', any, ''),
        };
  own.end();
  return read;
}

/** Fills `out`, the elements of one parameter of the given shape, from `random`. */
export function initialize(
  initializer: Initializer,
  shape: readonly number[],
  fans: Fans,
  random: RandomGenerator,
  out: Float32Array,
): void {
  const { fanIn, fanOut } = fans;
  const uniform = (minimum: number, maximum: number): void => {
    for (let index = 0; index < out.length; index++) {
      out[index] = minimum + (maximum - minimum) * uniform01(random);
    }
  };
  const symmetric = (limit: number): void => uniform(-limit, limit);
  const normal = (mean: number, stddev: number): void => {
    const draw = standardNormal(random);
    for (let index = 0; index < out.length; index++) {
      out[index] = mean + stddev * draw();
    }
  };
  switch (initializer.kind) {
    case 'zeros':
      out.fill(0);
      break;
    case 'ones':
      out.fill(1);
      break;
    case 'normal':
      normal(initializer.mean, initializer.stddev);
      break;
    case 'uniform':
      uniform(initializer.minimum, initializer.maximum);
      break;
    case 'glorotUniform':
      symmetric(Math.sqrt(6 / (fanIn + fanOut)));
      break;
    case 'glorotNormal':
      normal(0, Math.sqrt(2 / (fanIn + fanOut)));
      break;
    case 'heUniform':
      symmetric(Math.sqrt(6 / fanIn));
      break;
    case 'heNormal':
      normal(0, Math.sqrt(2 / fanIn));
      break;
    case 'lecunUniform':
      symmetric(Math.sqrt(3 / fanIn));
      break;
    case 'lecunNormal':
      normal(0, Math.sqrt(1 / fanIn));
      break;
    case 'orthogonal':
      orthogonal(shape, random, out);
      break;
  }
}

/**
 * Rows of a random orthonormal basis (or columns, where there are more rows than columns): the first axis
 * against all others, by Gram-Schmidt twice over, in double precision.
 */
function orthogonal(shape: readonly number[], random: RandomGenerator, out: Float32Array): void {
  const rows = shape[0] ?? 1;
  const columns = out.length / rows;
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  const draw = standardNormal(random);
  const basis: Float64Array[] = [];
  for (let index = 0; index < count; index++) {
    const vector = Float64Array.from({ length }, draw);
    for (let pass = 0; pass < 2; pass++) {
      for (const other of basis) {
        let dot = 0;
        for (let at = 0; at < length; at++) dot += vector[at] * other[at];
        for (let at = 0; at < length; at++) vector[at] -= dot * other[at];
      }
    }
    let squares = 0;
    for (let at = 0; at < length; at++) squares += vector[at] * vector[at];
    const scale = 1 / Math.sqrt(squares);
    for (let at = 0; at < length; at++) vector[at] *= scale;
    basis.push(vector);
  }
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      out[row * columns + column] = rows <= columns ? basis[row][column] : basis[column][row];
    }
  }
}
