/**
 * What a device believes of releases, kept across restarts, and made newer: the client workflow of The Update Framework
 * (specification 1.0.33, section 5) over the ports. Every file that is believed is durable before the next is asked for.
 */
import { createHash } from 'node:crypto';
import {
  acceptRoot,
  acceptSnapshot,
  acceptTargets,
  acceptTimestamp,
  checkRootIsCurrent,
  deltaFrom,
  namedVersion,
  ReleaseError,
  type ReleaseRole,
  releaseTargets,
  type TrustedMetadata,
  trustedVersion,
  trustRoot,
} from '@starling/federation';
import { type ReleaseFiles, writeWhole } from './files.js';
import type { SlottedRelease } from './state.js';

/** A file of the repository; version 0 for the newest, `undefined` where there is none. */
export type FetchReleaseFile = (
  role: ReleaseRole,
  version: number,
  signal: AbortSignal,
) => Promise<Uint8Array | undefined>;

/** What is believed, and the root that belief began with. */
export interface KeptTrust {
  readonly trusted: TrustedMetadata;
  /** SHA-256 of the first root, lower-case hexadecimal. */
  readonly from: string;
}

const path = 'trusted.json';
/** Roots that are followed at once; a repository that goes on without end is left for the next time. */
const rootsMax = 64;
const roles = ['root', 'timestamp', 'snapshot', 'targets'] as const;

export function beginTrust(root: Uint8Array): KeptTrust {
  return { trusted: trustRoot(root), from: createHash('sha256').update(root).digest('hex') };
}

/**
 * One file for all four, so that a root with new keys and the counters that go with it are never apart.
 *
 * @param pinned the root that the device's owner names; belief begins anew with it where it began with another one
 */
export async function readTrust(
  files: ReleaseFiles,
  pinned: Uint8Array | undefined,
): Promise<KeptTrust | undefined> {
  const first = pinned === undefined ? undefined : beginTrust(pinned);
  const bytes = await files.read(path);
  if (bytes === undefined) return first;
  const kept = JSON.parse(new TextDecoder().decode(bytes)) as Readonly<Record<string, string | undefined>>;
  const [root, timestamp, snapshot, targets] = roles.map((role) => {
    const text = kept[role];
    return text === undefined ? undefined : Buffer.from(text, 'base64');
  });
  if (root === undefined || kept.from === undefined) return first;
  if (first !== undefined && first.from !== kept.from) return first;
  return { trusted: { root, timestamp, snapshot, targets }, from: kept.from };
}

export async function keepTrust(files: ReleaseFiles, { trusted, from }: KeptTrust): Promise<void> {
  const texts = roles.map((role) => [role, trusted[role] && Buffer.from(trusted[role]).toString('base64')]);
  await writeWhole(files, path, Buffer.from(JSON.stringify({ from, ...Object.fromEntries(texts) })));
}

/**
 * Believes the first root of a fleet that this device joins, where no root was named: whoever stands in the way later cannot
 * bring another one.
 *
 * @throws ReleaseError where the fleet's first root is none; what `fetch` and `files` throw
 */
export async function pinFirstRoot(
  files: ReleaseFiles,
  fetch: FetchReleaseFile,
  signal: AbortSignal,
): Promise<KeptTrust | undefined> {
  const root = await fetch('root', 1, signal);
  if (root === undefined) return undefined;
  const begun = beginTrust(root);
  await keepTrust(files, begun);
  return begun;
}

/**
 * Follows the repository as far as it can be believed.
 *
 * @param keep called with every belief that is newer, before the next file is fetched
 * @throws ReleaseError with the name of the attack that was refused; what `fetch` and `keep` throw
 */
export async function refreshTrust(
  before: TrustedMetadata,
  fetch: FetchReleaseFile,
  nowMs: number,
  keep: (trusted: TrustedMetadata) => Promise<void>,
  signal: AbortSignal,
): Promise<TrustedMetadata> {
  let trusted = before;
  const believe = async (next: TrustedMetadata): Promise<void> => {
    if (next === trusted) return;
    await keep(next);
    trusted = next;
  };
  for (let followed = 0; followed < rootsMax; followed++) {
    const next = await fetch('root', trustedVersion(trusted, 'root') + 1, signal);
    if (next === undefined) break;
    await believe(acceptRoot(trusted, next));
  }
  checkRootIsCurrent(trusted, nowMs);
  await believe(acceptTimestamp(trusted, await present(fetch, 'timestamp', 0, signal), nowMs));
  for (const [role, accept] of [
    ['snapshot', acceptSnapshot],
    ['targets', acceptTargets],
  ] as const) {
    const version = namedVersion(trusted, role);
    const held = trusted[role];
    if (held !== undefined && trustedVersion(trusted, role) === version) {
      // Checked again: it may have ended, or be of another repository with the same version.
      accept(trusted, held, nowMs);
      continue;
    }
    await believe(accept(trusted, await present(fetch, role, version, signal), nowMs));
  }
  return trusted;
}

async function present(
  fetch: FetchReleaseFile,
  role: ReleaseRole,
  version: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const bytes = await fetch(role, version, signal);
  if (bytes !== undefined) return bytes;
  throw new ReleaseError('RELEASE_UNKNOWN', `The coordinator has no file ${role}.json of the releases.`);
}

const filesMax = 16;
const filePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The files of a release that are believed, in the order of their names. @throws ReleaseError `RELEASE_UNKNOWN`, … */
export function filesOf(
  trusted: TrustedMetadata,
  name: string,
  version: number,
  nowMs: number,
): Pick<SlottedRelease, 'files' | 'deltas'> {
  const folder = `${name}/${version}/`;
  const found = releaseTargets(trusted, nowMs).filter(({ path }) => path.startsWith(folder));
  for (const needed of ['model.onnx', 'release.json']) {
    if (found.some(({ path }) => path === folder + needed)) continue;
    throw new ReleaseError('RELEASE_UNKNOWN', `Nothing is released as ${folder}${needed}.`);
  }
  const all = found.map(({ path, ...content }) => ({ name: path.slice(folder.length), ...content }));
  const odd = all.find(({ name }) => !filePattern.test(name));
  if (odd !== undefined || all.length > filesMax) {
    throw new ReleaseError(
      'RELEASE_MALFORMED',
      `The release ${name}/${version} has files that none should have.`,
    );
  }
  const deltas = all.flatMap((file) => {
    const from = deltaFrom(file.name);
    return from === undefined ? [] : [{ ...file, from }];
  });
  const files = all.filter((file) => deltaFrom(file.name) === undefined);
  return { files: files.sort((a, b) => (a.name < b.name ? -1 : 1)), deltas };
}
