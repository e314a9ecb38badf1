import type { Recording } from '../recording.js';
import type { RawRow } from './index.js';

/**
 * Little-endian float32, all features of a row one after the other in the contract's order, row after row. Throws where
 * the bytes are no whole number of rows.
 */
export function readFloats(payload: Uint8Array, { contract, rowElements }: Recording): readonly RawRow[] {
  const perRow = rowElements.reduce((sum, elements) => sum + elements, 0);
  if (payload.byteLength === 0 || payload.byteLength % (4 * perRow) !== 0)
    throw new TypeError('no whole rows');
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  let at = 0;
  return Array.from({ length: payload.byteLength / (4 * perRow) }, () =>
    Object.fromEntries(
      contract.features.map(({ name }, index) => {
        const values = Array.from({ length: rowElements[index] }, () => {
          const value = view.getFloat32(at, true);
          at += 4;
          return value;
        });
        return [name, values];
      }),
    ),
  );
}
