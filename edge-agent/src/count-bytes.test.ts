import { expect, test } from 'vitest';
import { countBytes } from './count-bytes.js';

test('each character is counted in the order in which it is asked for, and no other byte is', () => {
  const bytes = Buffer.from('[{"a": [1, 2]}, "é"]');
  expect(countBytes(bytes, '{[:,"}')).toEqual([1, 2, 1, 2, 4, 1]);
  expect(countBytes(bytes, '"!"')).toEqual([4, 0, 4]);
  expect(countBytes(new Uint8Array(), '[')).toEqual([0]);
});
