import { createDecipheriv } from 'node:crypto';
import { expect, test } from 'vitest';
import { createSeededEntropy } from '../../ports/index.js';
import { packedLength } from '../ring/index.js';
import { addPacked, applyMasks, type Mask, maskAndPack } from './apply.js';
import { createKeyStream } from './key-stream.js';

test('the key stream is that of NIST SP 800-38A, F.5.5', () => {
  const key = Buffer.from('603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4', 'hex');
  const counter = 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff';
  const plain =
    '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710';
  const cipher =
    '601ec313775789a5b7a7f504bbf3d228f443e3ca4d62b59aca84e990cacaf5c52b0930daa23de94ce87017ba2d84988ddfc9c58db67aada613c2dd08457941a6';
  // Node's cipher in counter mode is the standard's; ours is its stream from counter 0 on.
  const decipher = createDecipheriv('aes-256-ctr', key, Buffer.from(counter, 'hex'));
  expect(decipher.update(cipher, 'hex', 'hex')).toBe(plain);
  const zeros = createDecipheriv('aes-256-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(4_096));
  expect(Buffer.from(createKeyStream(key).next(4_096)).equals(zeros)).toBe(true);
  expect(Buffer.from(createKeyStream(key, 3).next(4_048)).equals(zeros.subarray(48))).toBe(true);
});

function randomMasks(count: number): Mask[] {
  const entropy = createSeededEntropy('masks');
  return Array.from({ length: count }, (_, i) => ({
    key: entropy.bytes(32),
    sign: i % 3 === 0 ? 'subtract' : 'add',
  }));
}

test('what one end adds the other takes off', () => {
  for (const bits of [1, 18, 32]) {
    const vector = Uint32Array.from({ length: 70_000 }, (_, i) => (i * 2_654_435_761) % 2 ** bits);
    const masks = randomMasks(5);
    const packed = maskAndPack(vector, masks, bits);
    expect(packed.length).toBe(packedLength(vector.length, bits));
    const sum = new Uint32Array(vector.length);
    addPacked(sum, packed, bits);
    expect(sum).not.toEqual(vector);
    applyMasks(
      sum,
      masks.map(({ key, sign }) => ({ key, sign: sign === 'add' ? 'subtract' : 'add' })),
      bits,
    );
    expect(sum).toEqual(vector);
  }
});

test('masks taken off in ranges are those of the whole', () => {
  const whole = new Uint32Array(70_000).fill(5);
  const parts = whole.slice();
  const masks = randomMasks(3);
  applyMasks(whole, masks, 18);
  for (const [from, to] of [
    [0, 128],
    [128, 69_888],
    [69_888, 70_000],
  ]) {
    applyMasks(parts.subarray(from, to), masks, 18, from);
  }
  expect(parts).toEqual(whole);
  expect(() => applyMasks(parts, masks, 18, 64)).toThrow(/multiples of 128/);
});

test('a packed vector of another length is refused', () => {
  expect(() => addPacked(new Uint32Array(128), new Uint8Array(10), 18)).toThrow(/288 bytes, got 10/);
});
