import { expect, test } from 'vitest';
import { float16ToNumber, numberToFloat16 } from './index.js';

// IEEE 754-2008, binary16: bits beside the number they stand for.
const table: readonly (readonly [number, number])[] = [
  [0x0000, 0],
  [0x8000, -0],
  [0x0001, 2 ** -24],
  [0x03ff, 2 ** -14 - 2 ** -24],
  [0x0400, 2 ** -14],
  [0x3555, 0.333251953125],
  [0x3c00, 1],
  [0x3c01, 1 + 2 ** -10],
  [0xc000, -2],
  [0x7bff, 65504],
  [0x7c00, Number.POSITIVE_INFINITY],
  [0xfc00, Number.NEGATIVE_INFINITY],
];

test.each(table)('%i is %d', (bits, value) => {
  expect(float16ToNumber(bits)).toBe(value);
  expect(numberToFloat16(value)).toBe(bits);
});

test('every number of the format survives', () => {
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = float16ToNumber(bits);
    if (Number.isNaN(value)) expect(float16ToNumber(numberToFloat16(value))).toBeNaN();
    else expect(numberToFloat16(value)).toBe(bits);
  }
});

test('numbers between two of the format go to the nearer one, ties to the even one', () => {
  expect(numberToFloat16(1 + 2 ** -11)).toBe(0x3c00);
  expect(numberToFloat16(1 + 3 * 2 ** -11)).toBe(0x3c02);
  expect(numberToFloat16(1 + 2 ** -11 + 2 ** -20)).toBe(0x3c01);
  expect(numberToFloat16(2 ** -25)).toBe(0);
  expect(numberToFloat16(3 * 2 ** -25)).toBe(2);
  expect(numberToFloat16(65519)).toBe(0x7bff);
  expect(numberToFloat16(65520)).toBe(0x7c00);
});
