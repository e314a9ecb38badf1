/**
 * What a device believes of releases, and how it comes to believe newer metadata: the client workflow of The Update
 * Framework (specification 1.0.33, section 5) as pure functions over plain, serialisable state. Whatever is refused leaves
 * the state as it was.
 */
import type { Metadata, MetaFile, Root, Snapshot, Targets, Timestamp } from '@tufjs/models';
import { ReleaseError, type ReleaseRefusal } from './errors.js';
import { type ReleaseRole, roleBytesMax } from './roles.js';
import { parseSigned } from './sign-metadata.js';

/** Files as they were believed; each only together with those before it. */
export interface TrustedMetadata {
  readonly root: Uint8Array;
  readonly timestamp?: Uint8Array | undefined;
  readonly snapshot?: Uint8Array | undefined;
  readonly targets?: Uint8Array | undefined;
}

/** What a path of a release holds. */
export interface ReleaseTarget {
  readonly path: string;
  /** Lower-case hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** Believes a first root: one that came with the device, or at its enrolment. It must be signed by itself. */
export function trustRoot(bytes: Uint8Array): TrustedMetadata {
  const root = read<Root>('root', bytes);
  verify(root, 'root', root);
  return { root: bytes };
}

/** Believes the root that follows: signed by the keys of the one before and by its own (section 5.3). */
export function acceptRoot(trusted: TrustedMetadata, bytes: Uint8Array): TrustedMetadata {
  const before = read<Root>('root', trusted.root);
  const root = read<Root>('root', bytes);
  verify(before, 'root', root);
  verify(root, 'root', root);
  if (root.signed.version !== before.signed.version + 1) {
    const wanted = before.signed.version + 1;
    throw refuse(
      'RELEASE_ROOT_OUT_OF_ORDER',
      'root',
      `has version ${root.signed.version} where ${wanted} is next`,
    );
  }
  // With other keys, versions may have been driven up by whoever had the old ones (fast-forward): they count anew (5.3.11).
  const areSame = (['timestamp', 'snapshot', 'targets'] as const).every((role) =>
    sameKeys(before, root, role),
  );
  return areSame ? { ...trusted, root: bytes } : { root: bytes };
}

/** Ends the following of roots: the last one must not have ended (section 5.3.10). */
export function checkRootIsCurrent({ root }: TrustedMetadata, nowMs: number): void {
  checkExpiry('root', read<Root>('root', root), nowMs);
}

/** Gives the same state where it is the timestamp that is believed already (section 5.4). */
export function acceptTimestamp(trusted: TrustedMetadata, bytes: Uint8Array, nowMs: number): TrustedMetadata {
  checkRootIsCurrent(trusted, nowMs);
  const timestamp = read<Timestamp>('timestamp', bytes);
  verify(read<Root>('root', trusted.root), 'timestamp', timestamp);
  if (trusted.timestamp !== undefined) {
    const before = read<Timestamp>('timestamp', trusted.timestamp).signed;
    const { version, snapshotMeta } = timestamp.signed;
    checkNotBefore('timestamp', version, before.version);
    checkNotBefore('timestamp', snapshotMeta.version, before.snapshotMeta.version, 'names a snapshot of');
    checkExpiry('timestamp', timestamp, nowMs);
    if (version === before.version) return trusted;
  }
  checkExpiry('timestamp', timestamp, nowMs);
  return { ...trusted, timestamp: bytes };
}

/** Believes the snapshot that the timestamp names (section 5.5). */
export function acceptSnapshot(trusted: TrustedMetadata, bytes: Uint8Array, nowMs: number): TrustedMetadata {
  const { snapshotMeta } = present<Timestamp>(trusted, 'timestamp', nowMs).signed;
  checkNamed('snapshot', snapshotMeta, bytes);
  const snapshot = read<Snapshot>('snapshot', bytes);
  verify(read<Root>('root', trusted.root), 'snapshot', snapshot);
  checkVersion('snapshot', snapshot.signed.version, snapshotMeta.version, 'the timestamp');
  if (trusted.snapshot !== undefined) {
    const before = read<Snapshot>('snapshot', trusted.snapshot).signed.meta['targets.json'];
    const named = snapshot.signed.meta['targets.json'];
    if (named === undefined) throw refuse('RELEASE_ROLLBACK', 'snapshot', 'no longer names targets.json');
    checkNotBefore('snapshot', named.version, before?.version ?? 0, 'names targets of');
  }
  checkExpiry('snapshot', snapshot, nowMs);
  return { ...trusted, snapshot: bytes };
}

/** Believes the targets that the snapshot names (section 5.6). */
export function acceptTargets(trusted: TrustedMetadata, bytes: Uint8Array, nowMs: number): TrustedMetadata {
  const { meta } = present<Snapshot>(trusted, 'snapshot', nowMs).signed;
  const named = meta['targets.json'];
  checkNamed('targets', named, bytes);
  const targets = read<Targets>('targets', bytes);
  verify(read<Root>('root', trusted.root), 'targets', targets);
  checkVersion('targets', targets.signed.version, named.version, 'the snapshot');
  checkExpiry('targets', targets, nowMs);
  return { ...trusted, targets: bytes };
}

/** What the believed targets say of a path. Throws RELEASE_UNKNOWN, and RELEASE_EXPIRED where any file has ended meanwhile. */
export function releaseTarget(trusted: TrustedMetadata, path: string, nowMs: number): ReleaseTarget {
  const found = releaseTargets(trusted, nowMs).find((target) => target.path === path);
  if (found === undefined) throw new ReleaseError('RELEASE_UNKNOWN', `Nothing is released as ${path}.`);
  return found;
}

/** Everything that is released, by path. */
export function releaseTargets(trusted: TrustedMetadata, nowMs: number): readonly ReleaseTarget[] {
  checkRootIsCurrent(trusted, nowMs);
  const { snapshotMeta } = present<Timestamp>(trusted, 'timestamp', nowMs).signed;
  const { meta } = present<Snapshot>(trusted, 'snapshot', nowMs).signed;
  const { targets } = present<Targets>(trusted, 'targets', nowMs).signed;
  // An update that stopped half-way has left files of before behind newer ones.
  checkNamed('snapshot', snapshotMeta, trusted.snapshot);
  checkNamed('targets', meta['targets.json'], trusted.targets);
  return Object.entries(targets).map(([path, { length, hashes }]) => {
    const { sha256 } = hashes;
    if (sha256 === undefined) throw refuse('RELEASE_MALFORMED', 'targets', `has no SHA-256 of ${path}`);
    return { path, sha256, sizeBytes: length };
  });
}

/** Which version of a file the one that is believed before it names: what to ask for next. */
export function namedVersion(trusted: TrustedMetadata, role: 'snapshot' | 'targets'): number {
  if (role === 'targets') {
    const bytes = trusted.snapshot;
    return bytes === undefined
      ? 0
      : (read<Snapshot>('snapshot', bytes).signed.meta['targets.json']?.version ?? 0);
  }
  const bytes = trusted.timestamp;
  return bytes === undefined ? 0 : read<Timestamp>('timestamp', bytes).signed.snapshotMeta.version;
}

/** Version of a file that is believed; 0 where there is none. */
export function trustedVersion(trusted: TrustedMetadata, role: ReleaseRole): number {
  const bytes = trusted[role];
  return bytes === undefined ? 0 : read(role, bytes).signed.version;
}

type Signed = Root | Targets | Snapshot | Timestamp;

function read<T extends Signed>(role: ReleaseRole, bytes: Uint8Array): Metadata<T> {
  if (bytes.byteLength > roleBytesMax[role]) {
    throw refuse('RELEASE_TOO_LARGE', role, `has ${bytes.byteLength} bytes, more than ${roleBytesMax[role]}`);
  }
  try {
    // `parseSigned` refuses what is not of this role.
    return parseSigned(role, bytes) as Metadata<T>;
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw refuse('RELEASE_MALFORMED', role, `cannot be read: ${why}`, error);
  }
}

function verify(root: Metadata<Root>, role: ReleaseRole, file: Metadata<Signed>): void {
  try {
    root.verifyDelegate(role, file);
  } catch (error) {
    const threshold = root.signed.roles[role]?.threshold ?? 0;
    throw refuse(
      'RELEASE_SIGNATURES_MISSING',
      role,
      `is not signed by ${threshold} of the keys that the root names for it`,
      error,
    );
  }
}

/** A believed file that has not ended: what follows from it must not be believed later than it. */
function present<T extends Signed>(trusted: TrustedMetadata, role: ReleaseRole, nowMs: number): Metadata<T> {
  const bytes = trusted[role];
  if (bytes === undefined) throw refuse('RELEASE_MIX_AND_MATCH', role, 'has yet to come');
  const file = read<T>(role, bytes);
  checkExpiry(role, file, nowMs);
  return file;
}

function checkExpiry(role: ReleaseRole, { signed }: Metadata<Signed>, nowMs: number): void {
  if (signed.isExpired(new Date(nowMs))) throw refuse('RELEASE_EXPIRED', role, `ended at ${signed.expires}`);
}

function checkNotBefore(role: ReleaseRole, version: number, before: number, what = 'has'): void {
  if (version < before) throw refuse('RELEASE_ROLLBACK', role, `${what} version ${version}, after ${before}`);
}

function checkVersion(role: ReleaseRole, version: number, named: number, by: string): void {
  if (version !== named)
    throw refuse('RELEASE_MIX_AND_MATCH', role, `has version ${version}; ${by} names ${named}`);
}

const noBytes = new Uint8Array(0);

function checkNamed(role: ReleaseRole, meta: MetaFile | undefined, bytes: Uint8Array = noBytes): void {
  if (meta === undefined) throw refuse('RELEASE_MALFORMED', role, 'is named by nothing');
  if (meta.length !== undefined && bytes.byteLength > meta.length) {
    throw refuse(
      'RELEASE_TOO_LARGE',
      role,
      `has ${bytes.byteLength} bytes, more than the ${meta.length} announced`,
    );
  }
  try {
    meta.verify(Buffer.from(bytes));
  } catch (error) {
    throw refuse('RELEASE_MIX_AND_MATCH', role, 'is not the file that is named', error);
  }
}

function sameKeys(a: Metadata<Root>, b: Metadata<Root>, role: ReleaseRole): boolean {
  const [before, after] = [a, b].map(({ signed }) => [...(signed.roles[role]?.keyIDs ?? [])].sort().join());
  return before === after;
}

function refuse(code: ReleaseRefusal, role: ReleaseRole, what: string, cause?: unknown): ReleaseError {
  return new ReleaseError(code, `The file ${role}.json of the releases ${what}.`, cause);
}
