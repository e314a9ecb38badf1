/**
 * The signed metadata that devices read. Roots and targets come from people with keys elsewhere; the coordinator checks them
 * as a device would, and signs snapshot and timestamp with a key of its own, which can hold releases back and not make any.
 */
import type { KeyObject } from 'node:crypto';
import {
  acceptRoot,
  acceptSnapshot,
  acceptTargets,
  acceptTimestamp,
  ReleaseError,
  type ReleaseRole,
  type ReleaseSigner,
  type ReleaseTarget,
  releaseTargets,
  signSnapshot,
  signTimestamp,
  type TrustedMetadata,
  trustedVersion,
  trustRoot,
} from '@starling/federation';
import { rawPublicKey } from '@starling/proto';
import { CoordinatorError, refusal } from '../errors.js';
import type { ReleaseFile, ReleaseStore } from './store.js';

export interface ReleaseRepository {
  /** Raw Ed25519, 32 bytes: the root names it for snapshot and timestamp. */
  readonly onlineKey: Uint8Array;
  /** Gives the version. Throws CoordinatorError with the refusal of The Update Framework's checks, or RELEASE_NOT_READY. */
  publish(role: ReleaseRole, content: Uint8Array): Promise<number>;
  /** `version` 0 for the newest, signed anew before it ends; `undefined` where there is none. */
  file(role: ReleaseRole, version: number): Promise<Uint8Array | undefined>;
  targets(): Promise<readonly ReleaseTarget[]>;
}

export interface RepositoryOptions {
  readonly store: ReleaseStore;
  readonly onlineKey: KeyObject;
  /** Whether the content of a target is held here. */
  readonly isHeld: (target: ReleaseTarget) => Promise<boolean>;
  readonly now: () => number;
}

const dayMs = 86_400_000;
const timestampLifeMs = dayMs;
const snapshotLifeMs = 7 * dayMs;

export function createReleaseRepository(options: RepositoryOptions): ReleaseRepository {
  const { store, isHeld, now } = options;
  const online: ReleaseSigner = { publicKey: rawPublicKey(options.onlineKey), privateKey: options.onlineKey };
  /** One change at a time. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const result = turn.then(work, work);
    turn = result.catch(() => {});
    return result;
  };

  const newest = async (): Promise<TrustedMetadata | undefined> => {
    const root = await store.newest('root');
    if (root === undefined) return undefined;
    const [timestamp, snapshot, targets] = await Promise.all(
      (['timestamp', 'snapshot', 'targets'] as const).map((role) => store.newest(role)),
    );
    return {
      root: root.content,
      timestamp: timestamp?.content,
      snapshot: snapshot?.content,
      targets: targets?.content,
    };
  };

  /** Snapshot and timestamp over these targets, as the version after those that are there. */
  const sign = (trusted: TrustedMetadata, targets: Uint8Array, version: number): readonly ReleaseFile[] => {
    const nowMs = now();
    const snapshotVersion = trustedVersion(trusted, 'snapshot') + 1;
    const snapshot = signSnapshot(snapshotVersion, nowMs + snapshotLifeMs, { version, bytes: targets }, [
      online,
    ]);
    const timestampVersion = trustedVersion(trusted, 'timestamp') + 1;
    const named = { version: snapshotVersion, bytes: snapshot };
    const timestamp = signTimestamp(timestampVersion, nowMs + timestampLifeMs, named, [online]);
    // Whatever a device would refuse is not published: a root without the online key, targets without their signatures.
    const timed = acceptTimestamp({ root: trusted.root }, timestamp, nowMs);
    acceptTargets(acceptSnapshot(timed, snapshot, nowMs), targets, nowMs);
    return [
      { role: 'snapshot', version: snapshotVersion, content: snapshot },
      { role: 'timestamp', version: timestampVersion, content: timestamp },
    ];
  };

  const publishRoot = async (content: Uint8Array): Promise<number> => {
    const trusted = await newest();
    const believed = trusted === undefined ? trustRoot(content) : acceptRoot(trusted, content);
    const version = trustedVersion(believed, 'root');
    const targets = await store.newest('targets');
    const files: ReleaseFile[] = [{ role: 'root', version, content }];
    // The counters go on: a device that has yet to see this root must not take what follows for older.
    if (targets !== undefined) {
      files.push(...sign({ ...trusted, root: content }, targets.content, targets.version));
    }
    await store.add(files);
    return version;
  };

  const publishTargets = async (content: Uint8Array): Promise<number> => {
    const trusted = await newest();
    if (trusted === undefined)
      throw notReady('There is no root yet.', 'Publish one first: starling release init.');
    const version = trustedVersion({ ...trusted, targets: content }, 'targets');
    const before = trustedVersion(trusted, 'targets');
    if (version !== before + 1) {
      throw new ReleaseError(
        'RELEASE_ROLLBACK',
        `The file targets.json of the releases has version ${version} where ${before + 1} is next.`,
      );
    }
    const files = sign(trusted, content, version);
    const [snapshot, timestamp] = files;
    const published = {
      root: trusted.root,
      targets: content,
      snapshot: snapshot.content,
      timestamp: timestamp.content,
    };
    for (const target of releaseTargets(published, now())) {
      if (await isHeld(target)) continue;
      throw notReady(
        `The content of ${target.path} is not here.`,
        'Upload it before the targets that name it.',
      );
    }
    await store.add([{ role: 'targets', version, content }, ...files]);
    return version;
  };

  /** Signs anew what has passed half of its life. */
  const refresh = async (): Promise<void> => {
    const trusted = await newest();
    const targets = await store.newest('targets');
    if (trusted?.timestamp === undefined || targets === undefined) return;
    if (endOf(trusted.timestamp) - now() > timestampLifeMs / 2) return;
    await store.add(sign(trusted, targets.content, targets.version));
  };

  return {
    onlineKey: online.publicKey,
    publish: (role, content) =>
      inTurn(async () => {
        try {
          if (role === 'root') return await publishRoot(content);
          if (role === 'targets') return await publishTargets(content);
        } catch (error) {
          throw error instanceof ReleaseError ? refused(error) : error;
        }
        throw notReady(`The coordinator signs ${role}.json itself.`, 'Publish a root or targets.');
      }),
    async file(role, version) {
      if (role === 'timestamp') await inTurn(refresh);
      const file = version === 0 ? await store.newest(role) : await store.file(role, version);
      return file?.content;
    },
    async targets() {
      const trusted = await newest();
      return trusted?.targets === undefined ? [] : releaseTargets(trusted, now());
    },
  };
}

/** When a file that was signed here ends. */
function endOf(content: Uint8Array): number {
  const { signed } = JSON.parse(Buffer.from(content).toString('utf8')) as {
    readonly signed: { readonly expires: string };
  };
  return Date.parse(signed.expires);
}

function refused({ code, message }: ReleaseError): CoordinatorError {
  const remedy =
    'Make what follows the newest files, signed with the keys that the root names: starling release create.';
  return new CoordinatorError(refusal('failed-precondition', code, message, remedy));
}

function notReady(message: string, remedy: string): CoordinatorError {
  return new CoordinatorError(refusal('failed-precondition', 'RELEASE_NOT_READY', message, remedy));
}
