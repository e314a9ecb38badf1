import { expect, test } from 'vitest';
import { hkdf } from './hkdf.js';

const bytes = (hex: string): Uint8Array => Uint8Array.from(Buffer.from(hex, 'hex'));

/** The first 32 bytes of RFC 5869's outputs, appendices A.1 to A.3. */
test.each([
  [
    '0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b',
    '000102030405060708090a0b0c',
    'f0f1f2f3f4f5f6f7f8f9',
    '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf',
  ],
  [
    Array.from({ length: 80 }, (_, i) => i.toString(16).padStart(2, '0')).join(''),
    Array.from({ length: 80 }, (_, i) => (i + 0x60).toString(16)).join(''),
    Array.from({ length: 80 }, (_, i) => (i + 0xb0).toString(16)).join(''),
    'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c',
  ],
  [
    '0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b',
    '',
    '',
    '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d',
  ],
])('RFC 5869, test case of %s', (secret, salt, info, output) => {
  expect(Buffer.from(hkdf(bytes(secret), bytes(salt), bytes(info))).toString('hex')).toBe(output);
});
