/** Devices and rounds for the tests of this folder; nothing outside of tests uses it. */
import { createSeededEntropy, type SeededEntropy } from '../../ports/index.js';
import type { DeviceIdentity, DevicePolicy } from '../client/index.js';
import { defaultGraphRequirements, type GraphRequirements } from '../graph/index.js';
import { type KeySuite, nodeSuite } from '../keys/index.js';
import type { TrustCertificate } from '../roster.js';
import type { SecureRound } from '../round.js';

export interface Fleet {
  readonly suite: KeySuite;
  readonly identities: readonly DeviceIdentity[];
  readonly trust: TrustCertificate;
  /** The source of one device's secrets, the same at each call. */
  entropyOf(device: number): SeededEntropy;
}

/** `devices` identities, whose certificates are their public keys, decided by `seed`. */
export function createFleet(devices: number, seed: string, suite: KeySuite = nodeSuite): Fleet {
  const entropy = createSeededEntropy(seed);
  const known = new Map<string, Uint8Array>();
  const identities = Array.from({ length: devices }, (_, i): DeviceIdentity => {
    const device = `device-${String(i).padStart(4, '0')}`;
    const key = suite.signingKey(entropy.fork(`identity ${i}`).bytes(32));
    known.set(device, key.publicKey);
    return { device, certificate: key.publicKey, sign: (message) => key.sign(message) };
  });
  return {
    suite,
    identities,
    trust: (certificate, device) => {
      const key = known.get(device);
      return key !== undefined && Buffer.from(key).equals(certificate) ? key : undefined;
    },
    entropyOf: (device) => entropy.fork(`secrets ${device}`),
  };
}

export const lenientPolicy: DevicePolicy = {
  cohortMinimum: 2,
  corruptFractionMinimum: 0,
  securityBitsMinimum: 1,
  privacy: { require: 'none', epsilonMaximum: Number.POSITIVE_INFINITY, deltaMaximum: 1 },
};

export const planHash = new Uint8Array(32).fill(7);
const requestHash = new Uint8Array(32).fill(9);

export function testRound(
  changes: Partial<SecureRound> = {},
  requirements: GraphRequirements = defaultGraphRequirements,
): SecureRound {
  return {
    run: 'run-1',
    round: 3,
    attempt: 0,
    planHash,
    requestHash,
    ringBits: 18,
    vectorLength: 10,
    cohortMinimum: 2,
    requirements,
    privacy: { kind: 'none' },
    ...changes,
  };
}

/** The same suite, computing nothing twice: what differs between two patterns of dropouts is little. */
export function remembering(suite: KeySuite): KeySuite {
  const pairs = new Map<string, ReturnType<KeySuite['keyPair']>>();
  const agreed = new Map<string, Uint8Array | undefined>();
  const verified = new Map<string, boolean>();
  return {
    name: suite.name,
    signingKey: suite.signingKey,
    keyPair: (secretKey) => remember(pairs, text(secretKey), () => suite.keyPair(secretKey)),
    agreement: (pair) => {
      let agree: ReturnType<KeySuite['agreement']> | undefined;
      return (peer) =>
        remember(agreed, `${text(pair.secretKey)} ${text(peer)}`, () => {
          agree ??= suite.agreement(pair);
          return agree(peer);
        });
    },
    verify: (key, message, signature) =>
      remember(verified, `${text(key)} ${text(message)} ${text(signature)}`, () =>
        suite.verify(key, message, signature),
      ),
  };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

function remember<T>(known: Map<string, T>, key: string, compute: () => T): T {
  const value = known.get(key);
  if (value !== undefined || known.has(key)) return value as T;
  const computed = compute();
  known.set(key, computed);
  return computed;
}
