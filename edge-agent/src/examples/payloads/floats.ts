import type { Recording } from '../recording.js';
import type { Rows } from './index.js';

/**
 * Little-endian float32, all features of a row one after the other in the contract's order, row after row. Throws where
 * the bytes are no whole number of rows.
 */
export function readFloats(payload: Uint8Array, { contract, rowElements }: Recording): Rows {
  const perRow = rowElements.reduce((sum, elements) => sum + elements, 0);
  if (payload.byteLength === 0 || payload.byteLength % (4 * perRow) !== 0)
    throw new TypeError('no whole rows');
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  return {
    length: payload.byteLength / (4 * perRow),
    *[Symbol.iterator]() {
      for (let at = 0; at < payload.byteLength; ) {
        const fields = contract.features.map(({ name }, index) => {
          const from = at;
          at += 4 * rowElements[index];
          const values = Array.from({ length: rowElements[index] }, (_, element) =>
            view.getFloat32(from + 4 * element, true),
          );
          return [name, values] as const;
        });
        yield Object.fromEntries(fields);
      }
    },
  };
}
