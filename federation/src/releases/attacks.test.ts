/** The attacks that The Update Framework lists (specification 1.0.33, section 1.5.2), each refused by its name. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  acceptRoot,
  acceptSnapshot,
  acceptTargets,
  acceptTimestamp,
  addSignatures,
  checkRootIsCurrent,
  type ReleaseRefusal,
  type ReleaseRole,
  type ReleaseSigner,
  releaseTarget,
  releaseTargets,
  roleBytesMax,
  signRoot,
  signSnapshot,
  signTargets,
  signTimestamp,
  type TrustedMetadata,
  trustedVersion,
  trustRoot,
} from './index.js';

const dayMs = 86_400_000;
const nowMs = Date.UTC(2026, 0, 1);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function signer(): ReleaseSigner {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  return { privateKey, publicKey: new Uint8Array(raw) };
}

const roots = [signer(), signer(), signer()];
const keys: Record<ReleaseRole, readonly ReleaseSigner[]> = {
  root: roots,
  targets: [signer(), signer()],
  snapshot: [signer()],
  timestamp: [signer()],
};
const stranger = signer();

const rolesOf = (of: typeof keys) => {
  const role = (name: ReleaseRole, threshold: number) => ({
    keys: of[name].map(({ publicKey }) => publicKey),
    threshold,
  });
  return {
    root: role('root', 2),
    targets: role('targets', 2),
    snapshot: role('snapshot', 1),
    timestamp: role('timestamp', 1),
  };
};

const rootFile = (version: number, of = keys, signers: readonly ReleaseSigner[] = of.root.slice(0, 2)) =>
  signRoot({ version, expiresAtMs: nowMs + 365 * dayMs, roles: rolesOf(of) }, signers);

interface Repository {
  readonly targets: Uint8Array;
  readonly snapshot: Uint8Array;
  readonly timestamp: Uint8Array;
}

/** A repository whose files all have this version. */
function repository(version: number, content = `model ${version}`, atMs = nowMs): Repository {
  const released = { sha256: sha256(content), sizeBytes: content.length };
  const targets = signTargets(
    { version, expiresAtMs: atMs + 90 * dayMs, targets: new Map([['pump/model.onnx', released]]) },
    keys.targets,
  );
  const snapshot = signSnapshot(version, atMs + 7 * dayMs, { version, bytes: targets }, keys.snapshot);
  const timestamp = signTimestamp(version, atMs + dayMs, { version, bytes: snapshot }, keys.timestamp);
  return { targets, snapshot, timestamp };
}

function update(trusted: TrustedMetadata, { timestamp, snapshot, targets }: Repository, atMs = nowMs) {
  const timed = acceptTimestamp(trusted, timestamp, atMs);
  return acceptTargets(acceptSnapshot(timed, snapshot, atMs), targets, atMs);
}

function refusalOf(work: () => unknown): ReleaseRefusal | 'accepted' {
  try {
    work();
    return 'accepted';
  } catch (error) {
    if (error instanceof Error && 'code' in error) return error.code as ReleaseRefusal;
    throw error;
  }
}

const first = trustRoot(rootFile(1));
const second = update(first, repository(2));

test('what is signed as the root says is believed, and newer files take the place of older ones', () => {
  expect(releaseTarget(second, 'pump/model.onnx', nowMs).sha256).toBe(sha256('model 2'));
  const third = update(second, repository(3));
  expect(releaseTarget(third, 'pump/model.onnx', nowMs).sha256).toBe(sha256('model 3'));
  expect(acceptTimestamp(third, repository(3).timestamp, nowMs)).toBe(third);
});

describe('arbitrary software', () => {
  test.each(['targets', 'snapshot', 'timestamp'] as const)('%s that a stranger signed', (role) => {
    const files = repository(3);
    const json = JSON.parse(Buffer.from(files[role]).toString());
    const forged = Buffer.from(JSON.stringify({ ...json, signatures: [] }));
    const bytes = addSignatures(role, forged, [stranger]);
    const steps = {
      timestamp: () => acceptTimestamp(second, bytes, nowMs),
      // The file that names it is signed by whoever should: only this one is forged.
      snapshot: () => {
        const named = signTimestamp(3, nowMs + dayMs, { version: 3, bytes }, keys.timestamp);
        return acceptSnapshot(acceptTimestamp(second, named, nowMs), bytes, nowMs);
      },
      targets: () => {
        const snapshot = signSnapshot(3, nowMs + dayMs, { version: 3, bytes }, keys.snapshot);
        const named = signTimestamp(3, nowMs + dayMs, { version: 3, bytes: snapshot }, keys.timestamp);
        return acceptTargets(
          acceptSnapshot(acceptTimestamp(second, named, nowMs), snapshot, nowMs),
          bytes,
          nowMs,
        );
      },
    };
    expect(refusalOf(steps[role])).toBe('RELEASE_SIGNATURES_MISSING');
  });

  test('a signature over other content than what is there', () => {
    const json = JSON.parse(Buffer.from(repository(3).timestamp).toString());
    json.signed.version = 9;
    expect(refusalOf(() => acceptTimestamp(second, Buffer.from(JSON.stringify(json)), nowMs))).toBe(
      'RELEASE_SIGNATURES_MISSING',
    );
  });
});

describe('rollback', () => {
  test('an older timestamp, though it was signed once', () => {
    const third = update(second, repository(3));
    expect(refusalOf(() => acceptTimestamp(third, repository(2).timestamp, nowMs))).toBe('RELEASE_ROLLBACK');
  });

  test('a newer timestamp over an older snapshot, and a newer snapshot over older targets', () => {
    const { targets, snapshot } = repository(1);
    const timestamp = signTimestamp(9, nowMs + dayMs, { version: 1, bytes: snapshot }, keys.timestamp);
    expect(refusalOf(() => acceptTimestamp(second, timestamp, nowMs))).toBe('RELEASE_ROLLBACK');
    const newer = signSnapshot(9, nowMs + dayMs, { version: 1, bytes: targets }, keys.snapshot);
    const named = signTimestamp(9, nowMs + dayMs, { version: 9, bytes: newer }, keys.timestamp);
    expect(refusalOf(() => acceptSnapshot(acceptTimestamp(second, named, nowMs), newer, nowMs))).toBe(
      'RELEASE_ROLLBACK',
    );
  });

  test('a root of before, and one that skips', () => {
    const rotated = acceptRoot(second, rootFile(2));
    expect(refusalOf(() => acceptRoot(rotated, rootFile(1)))).toBe('RELEASE_ROOT_OUT_OF_ORDER');
    expect(refusalOf(() => acceptRoot(rotated, rootFile(4)))).toBe('RELEASE_ROOT_OUT_OF_ORDER');
  });
});

describe('indefinite freeze', () => {
  test('files that have ended, at the moment of the update and afterwards', () => {
    const later = nowMs + 2 * dayMs;
    expect(refusalOf(() => acceptTimestamp(second, repository(3).timestamp, later))).toBe('RELEASE_EXPIRED');
    expect(refusalOf(() => releaseTargets(second, later))).toBe('RELEASE_EXPIRED');
    const ended = nowMs + 400 * dayMs;
    expect(refusalOf(() => checkRootIsCurrent(second, ended))).toBe('RELEASE_EXPIRED');
    expect(refusalOf(() => acceptTimestamp(second, repository(3, 'x', ended).timestamp, ended))).toBe(
      'RELEASE_EXPIRED',
    );
  });

  test('a snapshot and targets that have ended', () => {
    const { targets } = repository(3);
    const stale = signSnapshot(3, nowMs - 1, { version: 3, bytes: targets }, keys.snapshot);
    const named = signTimestamp(3, nowMs + dayMs, { version: 3, bytes: stale }, keys.timestamp);
    expect(refusalOf(() => acceptSnapshot(acceptTimestamp(second, named, nowMs), stale, nowMs))).toBe(
      'RELEASE_EXPIRED',
    );
    const old = signTargets({ version: 3, expiresAtMs: nowMs - 1, targets: new Map() }, keys.targets);
    const snapshot = signSnapshot(3, nowMs + dayMs, { version: 3, bytes: old }, keys.snapshot);
    const timestamp = signTimestamp(3, nowMs + dayMs, { version: 3, bytes: snapshot }, keys.timestamp);
    expect(refusalOf(() => update(second, { targets: old, snapshot, timestamp }))).toBe('RELEASE_EXPIRED');
  });
});

describe('mix and match', () => {
  test('a snapshot or targets that are sound and belong elsewhere', () => {
    const [third, fourth] = [repository(3), repository(4)];
    const timed = acceptTimestamp(second, fourth.timestamp, nowMs);
    expect(refusalOf(() => acceptSnapshot(timed, third.snapshot, nowMs))).toBe('RELEASE_MIX_AND_MATCH');
    const snapped = acceptSnapshot(timed, fourth.snapshot, nowMs);
    expect(refusalOf(() => acceptTargets(snapped, third.targets, nowMs))).toBe('RELEASE_MIX_AND_MATCH');
  });

  test('an update that stopped half-way gives no mixture of before and after', () => {
    const half = acceptTimestamp(second, repository(3).timestamp, nowMs);
    expect(refusalOf(() => releaseTargets(half, nowMs))).toBe('RELEASE_MIX_AND_MATCH');
    expect(
      releaseTargets(
        acceptTargets(acceptSnapshot(half, repository(3).snapshot, nowMs), repository(3).targets, nowMs),
        nowMs,
      ),
    ).toHaveLength(1);
  });
});

test('wrong software: what is not released under a name is not found under it', () => {
  expect(refusalOf(() => releaseTarget(second, 'fan/model.onnx', nowMs))).toBe('RELEASE_UNKNOWN');
  expect(refusalOf(() => releaseTarget(second, '__proto__', nowMs))).toBe('RELEASE_UNKNOWN');
});

describe('endless data', () => {
  test.each(['root', 'timestamp'] as const)('a %s longer than any may be', (role) => {
    const bytes = new Uint8Array(roleBytesMax[role] + 1);
    const accept =
      role === 'root' ? () => acceptRoot(second, bytes) : () => acceptTimestamp(second, bytes, nowMs);
    expect(refusalOf(accept)).toBe('RELEASE_TOO_LARGE');
  });

  test('a snapshot longer than announced', () => {
    const timed = acceptTimestamp(second, repository(3).timestamp, nowMs);
    const padded = Buffer.concat([repository(3).snapshot, Buffer.from(' ')]);
    expect(refusalOf(() => acceptSnapshot(timed, padded, nowMs))).toBe('RELEASE_TOO_LARGE');
  });
});

describe('keys below the threshold', () => {
  test('one of two keys of the targets is not enough, twice the same is not two', () => {
    const one = { version: 3, expiresAtMs: nowMs + dayMs, targets: new Map() };
    for (const signers of [
      [keys.targets[0]],
      [keys.targets[0], keys.targets[0]],
      [keys.targets[0], stranger],
    ]) {
      const targets = signTargets(one, signers);
      const snapshot = signSnapshot(3, nowMs + dayMs, { version: 3, bytes: targets }, keys.snapshot);
      const timestamp = signTimestamp(3, nowMs + dayMs, { version: 3, bytes: snapshot }, keys.timestamp);
      expect(refusalOf(() => update(second, { targets, snapshot, timestamp }))).toBe(
        'RELEASE_SIGNATURES_MISSING',
      );
    }
  });

  test('a root that only one of the old keys signs, or that its own keys do not sign', () => {
    const others = { ...keys, root: [stranger, signer(), signer()] };
    const content = { version: 2, expiresAtMs: nowMs + dayMs, roles: rolesOf(others) };
    expect(refusalOf(() => acceptRoot(first, signRoot(content, [roots[0], ...others.root])))).toBe(
      'RELEASE_SIGNATURES_MISSING',
    );
    expect(refusalOf(() => acceptRoot(first, signRoot(content, roots)))).toBe('RELEASE_SIGNATURES_MISSING');
    const rotated = acceptRoot(first, signRoot(content, [roots[0], roots[1], ...others.root]));
    expect(trustedVersion(rotated, 'root')).toBe(2);
    expect(refusalOf(() => acceptRoot(rotated, rootFile(3)))).toBe('RELEASE_SIGNATURES_MISSING');
  });
});

test('fast-forward: versions driven up with a stolen key end with the key', () => {
  const driven = update(first, repository(1_000_000));
  const rotatedKeys = { ...keys, timestamp: [signer()], snapshot: [signer()] };
  const rotated = acceptRoot(driven, rootFile(2, rotatedKeys));
  const { targets } = repository(3);
  const snapshot = signSnapshot(3, nowMs + dayMs, { version: 3, bytes: targets }, rotatedKeys.snapshot);
  const timestamp = signTimestamp(3, nowMs + dayMs, { version: 3, bytes: snapshot }, rotatedKeys.timestamp);
  expect(
    releaseTarget(update(rotated, { targets, snapshot, timestamp }), 'pump/model.onnx', nowMs).sha256,
  ).toBe(sha256('model 3'));
  // With the keys as they were, the counters stand.
  const same = acceptRoot(driven, rootFile(2));
  expect(refusalOf(() => update(same, repository(3)))).toBe('RELEASE_ROLLBACK');
});

test('whatever one byte of a file is changed to, nothing else than what was signed is believed', () => {
  const files = repository(3);
  const before = acceptTargets(
    acceptSnapshot(acceptTimestamp(second, files.timestamp, nowMs), files.snapshot, nowMs),
    files.targets,
    nowMs,
  );
  const role = fc.constantFrom('timestamp', 'snapshot', 'targets' as const);
  fc.assert(
    fc.property(role, fc.nat(), fc.nat(255), (which, at, byte) => {
      const bytes = Uint8Array.from(files[which]);
      bytes[at % bytes.length] = byte;
      const outcome = refusalOf(() => {
        const after = update(second, { ...files, [which]: bytes });
        // A change that means nothing to JSON leaves the very same content.
        expect(releaseTargets(after, nowMs)).toEqual(releaseTargets(before, nowMs));
      });
      expect(outcome).toMatch(/^(accepted|RELEASE_)/);
    }),
    { numRuns: 500 },
  );
});
