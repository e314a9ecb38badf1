/**
 * The text of an enrolment token: `starling1.ID.SECRET.AUTHORITY`, the last three base64url. The authority's hash is in
 * the token, so that a device knows whom to believe from its very first contact.
 */

export interface EnrolmentTokenText {
  /** 12 characters; names the token and is not secret. */
  readonly tokenId: string;
  /** 32 bytes. */
  readonly secret: Uint8Array;
  /** SHA-256 of the authority's certificate (DER), lower-case hexadecimal. */
  readonly authoritySha256: string;
}

const pattern = /^starling1\.([A-Za-z0-9_-]{12})\.([A-Za-z0-9_-]{43})\.([A-Za-z0-9_-]{43})$/;

export function formatEnrolmentToken({ tokenId, secret, authoritySha256 }: EnrolmentTokenText): string {
  const hash = Buffer.from(authoritySha256, 'hex').toString('base64url');
  return `starling1.${tokenId}.${Buffer.from(secret).toString('base64url')}.${hash}`;
}

/** `undefined` where `text` is no token. */
export function parseEnrolmentToken(text: string): EnrolmentTokenText | undefined {
  const match = pattern.exec(text.trim());
  if (match === null) return undefined;
  const [, tokenId, secret, authority] = match;
  return {
    tokenId,
    secret: new Uint8Array(Buffer.from(secret, 'base64url')),
    authoritySha256: Buffer.from(authority, 'base64url').toString('hex'),
  };
}
