import { hash } from 'node:crypto';

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

/** Made once: every neighbour of a device costs half a dozen transcripts. */
const labels = new Map<Purpose, Uint8Array>();

/**
 * Fields as bytes that can be read in one way only: the label "starling secure aggregation v1: PURPOSE", then each field,
 * preceded by its length in bytes as u32. Strings are UTF-8, numbers f64; all little-endian.
 */
export function transcript(purpose: Purpose, ...fields: readonly Field[]): Uint8Array {
  const label = labelOf(purpose);
  const parts = fields.map((field) => (typeof field === 'string' ? encoder.encode(field) : field));
  let length = 4 + label.length;
  for (const part of parts) length += 4 + (typeof part === 'number' ? 8 : part.length);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, label.length, true);
  bytes.set(label, 4);
  let position = 4 + label.length;
  for (const part of parts) {
    const size = typeof part === 'number' ? 8 : part.length;
    view.setUint32(position, size, true);
    position += 4;
    if (typeof part === 'number') view.setFloat64(position, part, true);
    else bytes.set(part, position);
    position += size;
  }
  return bytes;
}

/** SHA-256 of a transcript. */
export function digest(purpose: Purpose, ...fields: readonly Field[]): Uint8Array {
  return new Uint8Array(hash('sha256', transcript(purpose, ...fields), 'buffer'));
}

function labelOf(purpose: Purpose): Uint8Array {
  let label = labels.get(purpose);
  if (label === undefined) {
    label = encoder.encode(`starling secure aggregation v1: ${purpose}`);
    labels.set(purpose, label);
  }
  return label;
}

/** Whether both are the same bytes. Not for secrets: it stops at the first difference. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
