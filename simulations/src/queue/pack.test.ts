import { expect, test } from 'vitest';
import { pack, unpack } from './pack.js';

const value = {
  name: 'ünïcode',
  nothing: null,
  list: [1, 0.1, { deep: Float32Array.of(1.5, Number.NaN, -0) }],
  bytes: new Uint8Array([1, 2, 3]),
  doubles: Float64Array.of(Math.PI),
  counts: Uint32Array.of(0xffffffff),
  signed: Int32Array.of(-1),
  empty: new Float32Array(0),
  part: new Float64Array([1, 2, 3, 4]).subarray(1, 3),
};

test('what is packed comes back as it was, arrays in memory of their own', () => {
  const back = unpack(pack(value));
  expect(back).toEqual(value);
  const given = new Float32Array(new SharedArrayBuffer(8));
  given.set([1, 2]);
  const [copy] = unpack(pack([given]), true) as [Float32Array];
  expect(copy.buffer).toBeInstanceOf(SharedArrayBuffer);
  given[0] = 9;
  expect([...copy]).toEqual([1, 2]);
  // A Buffer has a toJSON of its own, and is bytes all the same.
  expect(unpack(pack({ file: Buffer.from('abc') }))).toEqual({ file: new Uint8Array(Buffer.from('abc')) });
});

test('cut or changed bytes are refused, whatever their text claims', () => {
  const bytes = pack(value);
  for (const length of [0, 4, 12, bytes.length - 8]) {
    expect(() => unpack(bytes.subarray(0, length)), `${length} bytes`).toThrow();
  }
  const claims = (place: object): Uint8Array => {
    const text = Buffer.from(JSON.stringify({ $array: 'Uint8Array', ...place }).padEnd(64));
    return Buffer.concat([Buffer.from(Uint32Array.of(text.length, 0).buffer), text]);
  };
  for (const place of [
    { offset: 0, length: 1 },
    { offset: -8, length: 8 },
    { offset: 0, length: -1 },
    { offset: 0, length: 1e300 },
    { offset: 0.5, length: 0 },
    { $array: 'constructor', offset: 0, length: 0 },
  ]) {
    expect(() => unpack(claims(place)), JSON.stringify(place)).toThrow('damaged');
  }
});
