import { createHash } from 'node:crypto';

/**
 * Names of what is hashed, signed or derived. Each purpose has its own, so that bytes made for one can never be taken
 * for another's.
 */
export type Purpose =
  | 'round'
  | 'keys'
  | 'leaf'
  | 'roster'
  | 'survivors'
  | 'commitment'
  | 'seal nonce'
  | 'pair mask'
  | 'self mask';

export type Field = Uint8Array | string | number;

const encoder = new TextEncoder();

/**
 * Fields as bytes that can be read in one way only: the label "starling secure aggregation v1: PURPOSE", then each field,
 * preceded by its length in bytes as u32. Strings are UTF-8, numbers f64; all little-endian.
 */
export function transcript(purpose: Purpose, ...fields: readonly Field[]): Uint8Array {
  const parts = [`starling secure aggregation v1: ${purpose}`, ...fields].map(fieldBytes);
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(bytes.buffer);
  let position = 0;
  for (const part of parts) {
    view.setUint32(position, part.length, true);
    bytes.set(part, position + 4);
    position += 4 + part.length;
  }
  return bytes;
}

/** SHA-256 of a transcript. */
export function digest(purpose: Purpose, ...fields: readonly Field[]): Uint8Array {
  return new Uint8Array(
    createHash('sha256')
      .update(transcript(purpose, ...fields))
      .digest(),
  );
}

/** Whether both are the same bytes. Not for secrets: it stops at the first difference. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function fieldBytes(field: Field): Uint8Array {
  if (typeof field === 'string') return encoder.encode(field);
  if (typeof field === 'number') {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setFloat64(0, field, true);
    return bytes;
  }
  return field;
}
