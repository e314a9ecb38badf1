/** Makes metadata of The Update Framework (specification 1.0.33, section 4), signed with Ed25519. */
import { createHash, type KeyObject, sign } from 'node:crypto';
import {
  Key,
  Metadata,
  MetaFile,
  Root,
  Signature,
  Snapshot,
  TargetFile,
  Targets,
  Timestamp,
} from '@tufjs/models';
import { type ReleaseRole, releaseRoles } from './roles.js';

/** A public key of a role, 32 bytes. */
export type RolePublicKey = Uint8Array;

/** Signs with a private key and says which public key it belongs to. */
export interface ReleaseSigner {
  readonly publicKey: RolePublicKey;
  readonly privateKey: KeyObject;
}

export interface RootContent {
  /** 1 for the first; each next one is one more. */
  readonly version: number;
  /** Milliseconds since the epoch; counted in whole seconds. */
  readonly expiresAtMs: number;
  /** Keys of each role, and how many of them must sign. */
  readonly roles: Readonly<Record<ReleaseRole, RoleKeys>>;
}

export interface RoleKeys {
  readonly keys: readonly RolePublicKey[];
  readonly threshold: number;
}

export interface TargetContent {
  /** SHA-256, lower-case hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

export interface TargetsContent {
  readonly version: number;
  readonly expiresAtMs: number;
  /** By path, such as `pump/3/model.onnx`. */
  readonly targets: ReadonlyMap<string, TargetContent>;
}

const specVersion = '1.0.33';

/** A root, signed by `signers`: the root keys of this one, and of the one before it where there is one. */
export function signRoot(
  { version, expiresAtMs, roles }: RootContent,
  signers: readonly ReleaseSigner[],
): Uint8Array {
  const root = new Root({ version, specVersion, expires: isoTime(expiresAtMs), consistentSnapshot: true });
  for (const [role, { keys, threshold }] of Object.entries(roles)) {
    for (const key of keys) root.addKey(tufKey(key), role);
    Object.assign(root.roles[role], { threshold });
  }
  return signed(new Metadata(root), signers);
}

export function signTargets(content: TargetsContent, signers: readonly ReleaseSigner[]): Uint8Array {
  const targets = Object.fromEntries(
    [...content.targets].map(([path, { sha256, sizeBytes }]) => [
      path,
      new TargetFile({ path, length: sizeBytes, hashes: { sha256 } }),
    ]),
  );
  const { version, expiresAtMs } = content;
  return signed(
    new Metadata(new Targets({ version, specVersion, expires: isoTime(expiresAtMs), targets })),
    signers,
  );
}

/** @param targets the file that it names */
export function signSnapshot(
  version: number,
  expiresAtMs: number,
  targets: { readonly version: number; readonly bytes: Uint8Array },
  signers: readonly ReleaseSigner[],
): Uint8Array {
  const meta = { 'targets.json': metaFile(targets) };
  return signed(
    new Metadata(new Snapshot({ version, specVersion, expires: isoTime(expiresAtMs), meta })),
    signers,
  );
}

/** @param snapshot the file that it names */
export function signTimestamp(
  version: number,
  expiresAtMs: number,
  snapshot: { readonly version: number; readonly bytes: Uint8Array },
  signers: readonly ReleaseSigner[],
): Uint8Array {
  const snapshotMeta = metaFile(snapshot);
  const timestamp = new Timestamp({ version, specVersion, expires: isoTime(expiresAtMs), snapshotMeta });
  return signed(new Metadata(timestamp), signers);
}

/** What a file of targets says, unchecked: for whoever signs what follows it. Throws where it is none. */
export function readTargets(bytes: Uint8Array): TargetsContent {
  const { version, expires, targets } = (parseSigned('targets', bytes) as Metadata<Targets>).signed;
  const listed = Object.entries(targets).map(
    ([path, { length, hashes }]) => [path, { sha256: hashes.sha256 ?? '', sizeBytes: length }] as const,
  );
  return { version, expiresAtMs: Date.parse(expires), targets: new Map(listed) };
}

/** What a root says, unchecked: for whoever signs what follows it. Throws where it is none. */
export function readRoot(bytes: Uint8Array): RootContent {
  const { version, expires, keys, roles } = (parseSigned('root', bytes) as Metadata<Root>).signed;
  const of = (role: ReleaseRole): RoleKeys => ({
    keys: (roles[role]?.keyIDs ?? []).map((id) => Buffer.from(keys[id]?.keyVal.public ?? '', 'hex')),
    threshold: roles[role]?.threshold ?? 0,
  });
  return {
    version,
    expiresAtMs: Date.parse(expires),
    roles: { root: of('root'), targets: of('targets'), snapshot: of('snapshot'), timestamp: of('timestamp') },
  };
}

/** Which file of the metadata this is, unchecked; undefined where it is none. */
export function releaseRoleOf(bytes: Uint8Array): ReleaseRole | undefined {
  try {
    const { signed } = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    return releaseRoles.find((role) => role === signed?._type);
  } catch {
    return undefined;
  }
}

/** How many of the keys that `root` names for this file have signed it. */
export function signaturesOf(role: ReleaseRole, bytes: Uint8Array, root: RootContent): number {
  const named = new Set(root.roles[role].keys.map(releaseKeyId));
  return Object.keys(parseSigned(role, bytes).signatures).filter((id) => named.has(id)).length;
}

/** The same file with further signatures, from people who sign elsewhere. */
export function addSignatures(
  role: ReleaseRole,
  bytes: Uint8Array,
  signers: readonly ReleaseSigner[],
): Uint8Array {
  return signed(parseSigned(role, bytes), signers);
}

/** Throws what the models throw where the bytes are no such file. */
export function parseSigned(role: ReleaseRole, bytes: Uint8Array) {
  const json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  // The names of roles are the library's own enumeration, value for value.
  return Metadata.fromJSON(role as never, json) as Metadata<Root | Targets | Snapshot | Timestamp>;
}

/** The identifier of a key in metadata: SHA-256 of its canonical form (section 4.2). */
export function releaseKeyId(publicKey: RolePublicKey): string {
  // Canonical JSON of these three names and values needs no escaping; names are in order.
  const hex = Buffer.from(publicKey).toString('hex');
  const canonical = `{"keytype":"ed25519","keyval":{"public":"${hex}"},"scheme":"ed25519"}`;
  return createHash('sha256').update(canonical).digest('hex');
}

function tufKey(publicKey: RolePublicKey): Key {
  const keyVal = { public: Buffer.from(publicKey).toString('hex') };
  return new Key({ keyID: releaseKeyId(publicKey), keyType: 'ed25519', scheme: 'ed25519', keyVal });
}

function signed(
  metadata: Metadata<Root | Targets | Snapshot | Timestamp>,
  signers: readonly ReleaseSigner[],
): Uint8Array {
  for (const { publicKey, privateKey } of signers) {
    metadata.sign((bytes) => {
      const sig = sign(null, bytes, privateKey).toString('hex');
      return new Signature({ keyID: releaseKeyId(publicKey), sig });
    });
  }
  return new TextEncoder().encode(JSON.stringify(metadata.toJSON()));
}

function metaFile({ version, bytes }: { readonly version: number; readonly bytes: Uint8Array }): MetaFile {
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  return new MetaFile({ version, length: bytes.byteLength, hashes: { sha256 } });
}

/** Whole seconds, as section 4.2.1 writes them. */
function isoTime(ms: number): string {
  return new Date(Math.floor(ms / 1_000) * 1_000).toISOString().replace('.000Z', 'Z');
}
