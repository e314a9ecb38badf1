/** The key with which the coordinator signs snapshots and timestamps; made at its first start. */
import type { KeyObject } from 'node:crypto';
import { join } from 'node:path';
import type { Entropy } from '@starling/federation';
import { privateKeyFromSeed, privateKeyPem, readPrivateKey } from '@starling/proto';
import { CoordinatorError, refusal } from '../errors.js';
import { readPrivateIfThere, writePrivateFile } from '../identity/index.js';

/** Rejects with KEY_FILE_EXPOSED or KEY_FILE_INVALID. */
export async function openOnlineKey(folder: string, entropy: Entropy): Promise<KeyObject> {
  const path = join(folder, 'releases.key');
  const pem = await readPrivateIfThere(path);
  if (pem === undefined) {
    const key = privateKeyFromSeed(entropy.bytes(32));
    await writePrivateFile(path, privateKeyPem(key));
    return key;
  }
  const key = readPrivateKey(pem);
  if (key !== undefined) return key;
  throw new CoordinatorError(
    refusal(
      'failed-precondition',
      'KEY_FILE_INVALID',
      `${path} holds no Ed25519 private key.`,
      'Put it back from a backup; with another key, publish a root that names it.',
    ),
  );
}
