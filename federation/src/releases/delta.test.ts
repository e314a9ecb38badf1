import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyDelta, deltaFile, deltaFrom, makeDelta } from './index.js';

test('what is applied is what the delta was made for, whatever the lengths', () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(bytes, bytes, fc.uint8Array({ maxLength: 8 }), (before, tail, changes) => {
      // Mostly the same, so that the delta pays.
      const after = Uint8Array.from([...before, ...tail.subarray(0, 3), ...new Uint8Array(500)]);
      for (const change of changes) after[change % after.length] ^= change;
      const delta = makeDelta(before, after);
      expect(delta?.byteLength).toBeLessThan(after.byteLength);
      expect(applyDelta(before, delta ?? new Uint8Array(0), after.byteLength)).toEqual(after);
    }),
  );
});

test('a delta that saves nothing is not made, and one that inflates without end is cut off', () => {
  const random = Uint8Array.from({ length: 4_000 }, (_, at) => (at * at * 2_654_435_761) >>> 24);
  expect(makeDelta(new Uint8Array(0), random)).toBeUndefined();
  const bomb = makeDelta(new Uint8Array(0), new Uint8Array(1 << 22)) ?? new Uint8Array(0);
  const applied = () => applyDelta(new Uint8Array(0), bomb, 1_000);
  expect(applied).toThrow(expect.objectContaining({ code: 'RELEASE_MALFORMED' }));
  expect(() => applyDelta(random, random, 1_000)).toThrow(/cannot be inflated|are named/);
});

test('its file names where it is from', () => {
  expect(deltaFrom(deltaFile(12))).toBe(12);
  for (const other of ['model.onnx', 'model.from-0.delta', 'model.from-1.delta.part']) {
    expect(deltaFrom(other)).toBeUndefined();
  }
});
