import * as z from 'zod';
import { nearest } from './suggest.js';

/** An object that refuses unknown keys with the nearest known one. */
export function section<Shape extends z.core.$ZodLooseShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      return issue.keys.map((key) => unknownKey(key, known)).join('; ');
    },
  });
}

function unknownKey(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return `unknown key "${key}"${near ? `, did you mean "${near}"?` : '.'} It takes ${known.join(', ')}`;
}

/** One of several kinds; `kind` alone may stand for the object with all defaults. */
export function kinds<Union extends z.ZodType>(union: Union) {
  return z.preprocess((value: z.input<Union> | KindAlone<z.input<Union>>) => byKind(value), union);
}

/** Kinds of which nothing else must be said. */
type KindAlone<Input> = Input extends { kind: infer Kind }
  ? { kind: Kind } extends Input
    ? Kind
    : never
  : never;

export const byKind = (value: unknown): unknown => (typeof value === 'string' ? { kind: value } : value);
