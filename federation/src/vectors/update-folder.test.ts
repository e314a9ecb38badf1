import { expect, test } from 'vitest';
import { createSeededEntropy } from '../ports/index.js';
import { createAccumulator, mean, mergeAccumulators } from './accumulator.js';
import { serializeAccumulator } from './accumulator-bytes.js';
import { encodeUpdate, float32Encoding, stochastic8BitEncoding } from './encoding.js';
import { createUpdateFolder, foldUpdate } from './update-folder.js';

const payloadOf = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);
const withCode = (code: string) => expect.objectContaining({ name: 'VectorError', code });

test('a bad payload leaves the accumulator as it was', () => {
  const accumulator = createAccumulator(3);
  foldUpdate(accumulator, payloadOf(1, 2, 3), float32Encoding, 2);
  const before = structuredClone(accumulator);
  const bad: [Uint8Array, string][] = [
    [payloadOf(9, 9, Number.NaN), 'not-finite'],
    [payloadOf(9, Number.NEGATIVE_INFINITY, 9), 'not-finite'],
    [payloadOf(9, 9), 'wrong-length'],
    [payloadOf(9, 9, 9, 9), 'wrong-length'],
    [payloadOf(9, 9, 9).subarray(0, 11), 'wrong-length'],
  ];
  for (const [payload, code] of bad) {
    expect(() => foldUpdate(accumulator, payload, float32Encoding, 1)).toThrow(withCode(code));
    expect(accumulator).toEqual(before);
  }
  expect([...mean(accumulator)]).toEqual([1, 2, 3]);
});

test('chunks of one byte give what the whole payload gives', () => {
  const delta = Float32Array.from({ length: 2_500 }, (_, i) => Math.sin(i));
  for (const encoding of [float32Encoding, stochastic8BitEncoding]) {
    const payload = encodeUpdate(delta, encoding, createSeededEntropy(5));
    const whole = createAccumulator(delta.length);
    foldUpdate(whole, payload, encoding, 3);
    const bytewise = createAccumulator(delta.length);
    const folder = createUpdateFolder(bytewise, encoding, 3);
    for (let i = 0; i < payload.length; i += 1) folder.push(payload.subarray(i, i + 1));
    folder.finish();
    expect(bytewise).toEqual(whole);
  }
});

test('while a fold is open, nothing gives the sums out', () => {
  const accumulator = createAccumulator(2);
  foldUpdate(accumulator, payloadOf(1, 1), float32Encoding, 1);
  const folder = createUpdateFolder(accumulator, float32Encoding, 1);
  expect([...mean(accumulator)]).toEqual([1, 1]);
  folder.push(payloadOf(3));
  expect(() => mean(accumulator)).toThrow(withCode('half-folded'));
  expect(() => serializeAccumulator(accumulator)).toThrow(withCode('half-folded'));
  expect(() => mergeAccumulators(createAccumulator(2), accumulator)).toThrow(withCode('half-folded'));
  folder.push(payloadOf(5));
  folder.finish();
  expect([...mean(accumulator)]).toEqual([2, 3]);
});

test('a fold that fails or ends early stays open for good', () => {
  const failing: ((folder: ReturnType<typeof createUpdateFolder>) => void)[] = [
    (folder) => folder.push(payloadOf(1, Number.NaN)),
    (folder) => folder.push(payloadOf(1, 2, 3)),
    (folder) => {
      folder.push(payloadOf(1));
      folder.finish();
    },
  ];
  for (const fail of failing) {
    const accumulator = createAccumulator(2);
    const folder = createUpdateFolder(accumulator, float32Encoding, 1);
    expect(() => fail(folder)).toThrow();
    expect(() => mean(accumulator)).toThrow(withCode('half-folded'));
    expect(accumulator.count).toBe(0);
  }
});

test('a failed fold names the element and cannot be carried on', () => {
  const accumulator = createAccumulator(4);
  const folder = createUpdateFolder(accumulator, float32Encoding, 1);
  folder.push(payloadOf(1, 2));
  expect(() => folder.push(payloadOf(3, Number.NaN))).toThrow(
    expect.objectContaining({ code: 'not-finite', index: 3 }),
  );
  expect(() => folder.finish()).toThrow(withCode('half-folded'));
});

test('an update is counted once', () => {
  const accumulator = createAccumulator(1);
  const folder = createUpdateFolder(accumulator, float32Encoding, 4);
  folder.push(payloadOf(1));
  folder.finish();
  expect(() => folder.finish()).toThrow('folded already');
  expect(() => folder.push(payloadOf(1))).toThrow('folded already');
  expect([accumulator.count, accumulator.weight]).toEqual([1, 4]);
});
