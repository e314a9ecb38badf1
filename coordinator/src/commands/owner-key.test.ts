import { createSeededEntropy } from '@starling/federation';
import { rawPublicKey } from '@starling/proto';
import { expect, test } from 'vitest';
import { newOwnerKey } from './owner-key.js';

test('no public key begins with a hyphen, so that each can be an argument', () => {
  const entropy = createSeededEntropy('keys');
  const texts = Array.from({ length: 400 }, () =>
    Buffer.from(rawPublicKey(newOwnerKey(entropy))).toString('base64url'),
  );
  expect(texts.filter((text) => text.startsWith('-'))).toEqual([]);
  expect(new Set(texts).size).toBe(400);
});
