/** What the owner of a task signs when it asks its devices a question, so that nobody else can ask in its name. */
import { createHash, type KeyObject, sign, verify } from 'node:crypto';
import { publicKeyFromRaw } from './ed25519.js';

export interface SignedQuery {
  readonly taskName: string;
  /** Version of the task that the question is asked of, from 1. */
  readonly taskVersion: number;
  /** By the owner's clock; tells a question from the same one asked before. */
  readonly askedAtMs: number;
  /** The question, canonical JSON. */
  readonly queryJson: string;
  /** What the answer promises the devices: canonical JSON. */
  readonly termsJson: string;
}

const label = 'starling/v1/query';

/** label ‖ 0 ‖ name ‖ 0 ‖ version (u32) ‖ asked at (u64) ‖ SHA-256(question) ‖ SHA-256(terms), big-endian */
function signedBytes({ taskName, taskVersion, askedAtMs, queryJson, termsJson }: SignedQuery): Buffer {
  const numbers = Buffer.alloc(12);
  numbers.writeUInt32BE(taskVersion);
  numbers.writeBigUInt64BE(BigInt(askedAtMs), 4);
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return Buffer.concat([Buffer.from(`${label}\0${taskName}\0`), numbers, hash(queryJson), hash(termsJson)]);
}

/** Ed25519, 64 bytes. */
export function signQuery(query: SignedQuery, ownerKey: KeyObject): Uint8Array {
  return new Uint8Array(sign(null, signedBytes(query), ownerKey));
}

/** Whether `signature` is by the owner of `ownerKey` (32 bytes) over exactly this question. */
export function isQuerySignature(query: SignedQuery, ownerKey: Uint8Array, signature: Uint8Array): boolean {
  const key = publicKeyFromRaw(ownerKey);
  if (key === undefined || !Number.isSafeInteger(query.askedAtMs) || query.askedAtMs < 0) return false;
  return verify(null, signedBytes(query), key, signature);
}

/** Names a question: SHA-256 of what is signed, hexadecimal. */
export function queryId(query: SignedQuery): string {
  return createHash('sha256').update(signedBytes(query)).digest('hex');
}
