/** The token that operators show: made at the first start, kept as a hash. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { join } from 'node:path';
import type { Entropy } from '@starling/federation';
import { readIfThere, writePrivateFile } from './key-files.js';

export interface AdminToken {
  /** In constant time, whatever `shown` is. */
  matches(shown: string): boolean;
  /** Where the token was written just now; `undefined` where it was made before. */
  readonly madeAt: string | undefined;
}

export const adminTokenFile = 'admin.token';
/** Decides after the first start: the token's own file may be moved to where it is needed, and be gone from here. */
const hashFile = 'admin.token.sha256';

/** Opens the token of a coordinator's folder. Whoever removes both files gets a new one at the next start. */
export async function openAdminToken(folder: string, entropy: Entropy): Promise<AdminToken> {
  const known = (await readIfThere(join(folder, hashFile)))?.trim();
  if (known !== undefined && /^[0-9a-f]{64}$/.test(known)) return checker(known, undefined);
  const token = `starling-admin-${Buffer.from(entropy.bytes(32)).toString('base64url')}`;
  const path = join(folder, adminTokenFile);
  const hash = hashOf(token).toString('hex');
  await writePrivateFile(path, `${token}\n`);
  await writePrivateFile(join(folder, hashFile), `${hash}\n`);
  return checker(hash, path);
}

function checker(hash: string, madeAt: string | undefined): AdminToken {
  const expected = Buffer.from(hash, 'hex');
  return { matches: (shown) => timingSafeEqual(hashOf(shown), expected), madeAt };
}

function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
