/** Enrolment tokens: made for operators, checked when a device shows one. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Entropy } from '@starling/federation';
import { formatEnrolmentToken, parseEnrolmentToken } from '@starling/proto';
import { CoordinatorError, refusal } from '../errors.js';
import type { DeviceId } from '../ids.js';
import type { IdentityStore, StoredToken } from '../storage/index.js';

export interface TokenSettings {
  readonly group: string;
  /** The one device it is for; `null` lets any new device use it. */
  readonly deviceId: DeviceId | null;
  readonly lifetimeMs: number;
  readonly usesMax: number;
}

export interface MadeToken {
  readonly token: StoredToken;
  /** The only place where the secret ever is. */
  readonly text: string;
}

export async function makeToken(
  identities: IdentityStore,
  settings: TokenSettings,
  authoritySha256: string,
  entropy: Entropy,
  nowMs: number,
): Promise<MadeToken> {
  const tokenId = newTokenId(entropy);
  const secret = entropy.bytes(32);
  const { group, deviceId, usesMax, lifetimeMs } = settings;
  const token: StoredToken = {
    tokenId,
    secretSha256: hashOf(secret).toString('hex'),
    group,
    deviceId,
    usesMax,
    uses: 0,
    createdAtMs: nowMs,
    expiresAtMs: nowMs + lifetimeMs,
  };
  await identities.addToken(token);
  return { token, text: formatEnrolmentToken({ tokenId, secret, authoritySha256 }) };
}

/** Twelve characters that can be an argument: an id that began with a hyphen would be taken for an option. */
export function newTokenId(entropy: Entropy): string {
  for (;;) {
    const id = Buffer.from(entropy.bytes(9)).toString('base64url');
    if (!id.startsWith('-')) return id;
  }
}

/**
 * The token that `text` is, whether or not it can still be used.
 *
 * @throws CoordinatorError TOKEN_MALFORMED, TOKEN_UNKNOWN, TOKEN_EXPIRED
 */
export async function openToken(
  identities: IdentityStore,
  text: string,
  nowMs: number,
): Promise<StoredToken> {
  const parsed = parseEnrolmentToken(text);
  if (parsed === undefined) {
    throw tokenError('invalid-argument', 'TOKEN_MALFORMED', 'The token is not whole.');
  }
  const token = await identities.findToken(parsed.tokenId);
  const matches =
    token !== undefined && timingSafeEqual(hashOf(parsed.secret), Buffer.from(token.secretSha256, 'hex'));
  if (!matches) {
    throw tokenError(
      'unauthenticated',
      'TOKEN_UNKNOWN',
      `There is no token ${parsed.tokenId} here, or it was revoked.`,
    );
  }
  if (nowMs >= token.expiresAtMs) {
    const when = new Date(token.expiresAtMs).toISOString();
    throw tokenError('permission-denied', 'TOKEN_EXPIRED', `The token ${token.tokenId} expired at ${when}.`);
  }
  return token;
}

export function tokenError(
  status: 'invalid-argument' | 'unauthenticated' | 'permission-denied',
  code: string,
  message: string,
): CoordinatorError {
  return new CoordinatorError(
    refusal(status, code, message, 'Ask for a new one: starling device token create.'),
  );
}

function hashOf(secret: Uint8Array): Buffer {
  return createHash('sha256').update(secret).digest();
}
