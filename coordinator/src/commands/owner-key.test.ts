import { chmod, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSeededEntropy } from '@starling/federation';
import { rawPublicKey } from '@starling/proto';
import { expect, test } from 'vitest';
import { createKey, newOwnerKey, ownerKey, ownerKeyIn } from './owner-key.js';
import { recordingTerminal } from './testing/recording-terminal.js';

test('no public key begins with a hyphen, so that each can be an argument', () => {
  const entropy = createSeededEntropy('keys');
  const texts = Array.from({ length: 400 }, () =>
    Buffer.from(rawPublicKey(newOwnerKey(entropy))).toString('base64url'),
  );
  expect(texts.filter((text) => text.startsWith('-'))).toEqual([]);
  expect(new Set(texts).size).toBe(400);
});

test('however a key is made, only its owner can read it, and one that others can read is not used', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'starling-keys-'));
  try {
    // Releases are signed with such keys too.
    const named = join(folder, 'release.key');
    const { terminal } = recordingTerminal({ STARLING_HOME: join(folder, 'home') });
    await createKey({ out: named, json: false }, terminal);
    await ownerKey(undefined, terminal);
    await ownerKeyIn(join(folder, 'demo', 'owner.key'), createSeededEntropy('demo'));
    for (const path of [named, join(folder, 'home', 'owner.key'), join(folder, 'demo', 'owner.key')]) {
      expect((await stat(path)).mode & 0o777, path).toBe(0o600);
    }
    await chmod(named, 0o640);
    await expect(ownerKey(named, terminal)).rejects.toMatchObject({ refusal: { code: 'KEY_FILE_EXPOSED' } });
  } finally {
    await rm(folder, { recursive: true });
  }
});
