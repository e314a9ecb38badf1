/** What the owner of a task signs, so that a device knows that nobody between them changed what it is to do. */
import { createHash, type KeyObject, sign, verify } from 'node:crypto';
import { publicKeyFromRaw } from './ed25519.js';

/** What a signature speaks for: all of it that a device obeys, whichever coordinator hands it out. */
export interface SignedPlan {
  readonly taskName: string;
  /** Version of the task, from 1. */
  readonly taskVersion: number;
  /** SHA-256 of the plan's manifest, 32 bytes. */
  readonly manifestSha256: Uint8Array;
  /** The feature contract, canonical JSON. */
  readonly featureContractJson: string;
  /** The terms of the training (epochs, encoding, privacy, secure aggregation), canonical JSON. */
  readonly termsJson: string;
}

const label = 'starling/v1/plan';

/** label ‖ 0 ‖ name ‖ 0 ‖ version (u32, big-endian) ‖ manifest hash ‖ SHA-256(contract) ‖ SHA-256(terms) */
function signedBytes(plan: SignedPlan): Buffer {
  const version = Buffer.alloc(4);
  version.writeUInt32BE(plan.taskVersion);
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return Buffer.concat([
    Buffer.from(`${label}\0${plan.taskName}\0`),
    version,
    plan.manifestSha256,
    hash(plan.featureContractJson),
    hash(plan.termsJson),
  ]);
}

/** Ed25519, 64 bytes. */
export function signPlan(plan: SignedPlan, ownerKey: KeyObject): Uint8Array {
  return new Uint8Array(sign(null, signedBytes(plan), ownerKey));
}

/** Whether `signature` is by the owner of `ownerKey` (32 bytes) over exactly this plan. */
export function isPlanSignature(plan: SignedPlan, ownerKey: Uint8Array, signature: Uint8Array): boolean {
  const key = publicKeyFromRaw(ownerKey);
  if (key === undefined || plan.manifestSha256.byteLength !== 32) return false;
  return verify(null, signedBytes(plan), key, signature);
}

/** JSON with sorted keys and no spaces, so that both ends sign and check the same bytes. */
export function canonicalTermsJson(terms: unknown): string {
  return JSON.stringify(terms, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
      : value,
  );
}
