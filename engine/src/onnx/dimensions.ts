/** Arithmetic of dimensions, some of which are only names. */
import type { Dimension } from './graph.js';

/** Whether every dimension is a number. */
export function isStatic(shape: readonly Dimension[]): shape is readonly number[] {
  return shape.every((dimension) => typeof dimension === 'number');
}

/** The product; names stay names: `batch · 1` is `batch`, `batch · 4` is the new name `4*batch`. */
export function product(dimensions: readonly Dimension[]): Dimension {
  let known = 1;
  const names: string[] = [];
  for (const dimension of dimensions) {
    if (typeof dimension === 'number') known *= dimension;
    else names.push(dimension);
  }
  if (names.length === 0 || known === 0) return known;
  names.sort();
  return known === 1 ? names.join('*') : `${known}*${names.join('*')}`;
}

/** `whole / part` where it is certain, as when `Reshape` asks for the rest by -1. */
export function quotient(whole: readonly Dimension[], part: readonly Dimension[]): Dimension | undefined {
  const rest = [...whole];
  let divisor = 1;
  for (const dimension of part) {
    const at = typeof dimension === 'string' ? rest.indexOf(dimension) : -1;
    if (at >= 0) rest.splice(at, 1);
    else if (typeof dimension === 'number') divisor *= dimension;
    else return undefined;
  }
  const known = rest.filter((dimension) => typeof dimension === 'number');
  const size = known.reduce((total, dimension) => total * dimension, 1);
  if (divisor === 0 || size % divisor !== 0) return undefined;
  return product([size / divisor, ...rest.filter((dimension) => typeof dimension === 'string')]);
}

/**
 * The shape two shapes broadcast to by NumPy's rule, or undefined where they do not. A name against another
 * name may be equal when the graph runs; the result is then a name of both.
 */
export function broadcast(
  a: readonly Dimension[],
  b: readonly Dimension[],
): readonly Dimension[] | undefined {
  const rank = Math.max(a.length, b.length);
  const shape: Dimension[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const left = a[axis - rank + a.length] ?? 1;
    const right = b[axis - rank + b.length] ?? 1;
    if (left === right || right === 1) shape.push(left);
    else if (left === 1) shape.push(right);
    else if (typeof left === 'number' && typeof right === 'number') return undefined;
    else if (typeof left === 'number') shape.push(left);
    else if (typeof right === 'number') shape.push(right);
    else shape.push(`${left}|${right}`);
  }
  return shape;
}

/** An axis counted from the front, from one that may be negative. */
export function normalizeAxis(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** How shapes are printed in errors. */
export function formatShape(shape: readonly Dimension[]): string {
  return `[${shape.join(', ')}]`;
}
