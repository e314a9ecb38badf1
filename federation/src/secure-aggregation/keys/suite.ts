/** A key pair of X25519 (RFC 7748), 32 bytes each. */
export interface KeyPair {
  readonly publicKey: Uint8Array;
  readonly secretKey: Uint8Array;
}

/** What one end of an agreement does with the other's public key. */
export type Agreement = (peerPublicKey: Uint8Array) => Uint8Array | undefined;

/** A key of Ed25519 (RFC 8032) that signs. */
export interface SigningKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes. */
  sign(message: Uint8Array): Uint8Array;
}

/** The public-key operations of the protocol; all implementations give the same bytes. */
export interface KeySuite {
  readonly name: 'tweetnacl' | 'node';
  /** The pair of 32 uniformly random bytes. */
  keyPair(secretKey: Uint8Array): KeyPair;
  /**
   * X25519 with `pair`'s secret key: gives the shared 32 bytes, or undefined for a peer's key of small order, with which
   * everybody would know them.
   */
  agreement(pair: KeyPair): Agreement;
  /** The signing key of a seed of 32 bytes. */
  signingKey(seed: Uint8Array): SigningKey;
  /** Whether `signature` is of `message` by `publicKey`; false also for what is no key or signature at all. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
}
