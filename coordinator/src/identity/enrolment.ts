/** Devices become part of the fleet: token and request in, certificate out, at once or when the authority's key was asked. */
import {
  type DeviceCertificate,
  keySha256,
  parseCertificate,
  StarlingError,
  verifyDeviceCertificate,
} from '@starling/proto';
import { CoordinatorError, refusal } from '../errors.js';
import { type DeviceId, parseDeviceId } from '../ids.js';
import type { SerialQueue } from '../serial-queue.js';
import type { IdentityStore, StoredIdentity, StoredToken } from '../storage/index.js';
import type { Authority, SigningAuthority } from './authority.js';
import { type DeviceRequest, readDeviceRequest } from './certificate-request.js';
import { validFrom } from './lifetimes.js';
import type { Standings } from './standings.js';
import { openToken, tokenError } from './tokens.js';

export type Certified =
  | { readonly kind: 'certified'; readonly certificate: Uint8Array }
  /** The authority's key is elsewhere. */
  | { readonly kind: 'pending'; readonly retryAfterMs: number };

export interface Enrolment {
  /** Throws TOKEN_…, CERTIFICATE_REQUEST_INVALID, DEVICE_ALREADY_ENROLLED, KEY_REVOKED. */
  enrol(tokenText: string, requestDer: Uint8Array): Promise<Certified>;
  /** For a device that was admitted with its certificate. Throws DEVICE_IDENTITY_MISMATCH, CERTIFICATE_REQUEST_INVALID. */
  renew(deviceId: DeviceId, requestDer: Uint8Array): Promise<Certified>;
  /** Takes certificates that were made elsewhere; gives the devices that waited for them. */
  importCertificates(certificates: readonly Uint8Array[]): Promise<readonly DeviceId[]>;
}

export interface EnrolmentOptions {
  readonly identities: IdentityStore;
  readonly standings: Standings;
  readonly authority:
    | { readonly kind: 'signing'; readonly authority: SigningAuthority }
    | { readonly kind: 'verifying'; readonly authority: Authority };
  /** How long devices' certificates last, in milliseconds. */
  readonly deviceLifetimeMs: number;
  /** One change at a time: two devices must not share the last use of a token. */
  readonly changes: SerialQueue;
  readonly now: () => number;
}

/** Somebody has to carry the request; there is no hurry. */
const pendingRetryMs = 30_000;

export function createEnrolment(options: EnrolmentOptions): Enrolment {
  const { identities, standings, authority, changes, now } = options;

  /** Certifies, or leaves the request for whoever has the key; stored before it is answered. */
  const certify = async (
    request: DeviceRequest,
    identity: StoredIdentity,
    usedTokenId: string | null,
  ): Promise<Certified> => {
    if (authority.kind === 'verifying') {
      const waiting: StoredIdentity = { ...identity, request: request.der, requestedAtMs: now() };
      await identities.enrol(waiting, usedTokenId);
      standings.set(waiting);
      return { kind: 'pending', retryAfterMs: pendingRetryMs };
    }
    const validity = validFrom(now(), options.deviceLifetimeMs);
    const certificate = await authority.authority.certifyDevice(request, validity);
    const certified: StoredIdentity = {
      ...identity,
      state: 'active',
      certificate,
      certificateEndsAtMs: validity.endsAtMs,
      request: null,
      requestedAtMs: 0,
    };
    await identities.enrol(certified, usedTokenId);
    standings.set(certified);
    return { kind: 'certified', certificate };
  };

  const isFresh = ({ certificate, certificateEndsAtMs }: StoredIdentity): boolean =>
    certificate !== null && certificateEndsAtMs - now() > options.deviceLifetimeMs / 2;

  /** A request that was made before: its certificate if there is one, or the request again. */
  const again = (identity: StoredIdentity): Certified | undefined => {
    if (identity.certificate !== null && isFresh(identity)) {
      return { kind: 'certified', certificate: identity.certificate };
    }
    return identity.request === null ? undefined : { kind: 'pending', retryAfterMs: pendingRetryMs };
  };

  return {
    enrol: (tokenText, requestDer) =>
      changes.run(async () => {
        const token = await openToken(identities, tokenText, now());
        const request = await readDeviceRequest(requestDer);
        const known = await identities.find(request.deviceId);
        const repeated = known?.tokenId === token.tokenId && known.keySha256 === request.keySha256;
        // The answer was lost: the same token, device and key are one enrolment.
        if (repeated && known.state !== 'revoked') {
          return again(known) ?? (await certify(request, known, null));
        }
        checkUsable(token, request, known);
        const identity: StoredIdentity = {
          deviceId: request.deviceId,
          group: token.group,
          state: 'pending',
          keySha256: request.keySha256,
          tokenId: token.tokenId,
          enrolledAtMs: now(),
          certificate: null,
          certificateEndsAtMs: 0,
          request: null,
          requestedAtMs: 0,
          revokedAtMs: 0,
          revocationReason: '',
          labels: known?.labels ?? {},
        };
        return certify(request, identity, token.tokenId);
      }),

    renew: (deviceId, requestDer) =>
      changes.run(async () => {
        const request = await readDeviceRequest(requestDer);
        const known = await identities.find(deviceId);
        if (known === undefined) throw new Error(`device ${deviceId} was admitted and has no identity`);
        if (request.deviceId !== deviceId || request.keySha256 !== known.keySha256) {
          throw identityMismatch(deviceId, request.deviceId);
        }
        return again(known) ?? certify(request, known, null);
      }),

    importCertificates: (certificates) =>
      changes.run(async () => {
        const imported: DeviceId[] = [];
        for (const der of certificates) {
          const read = readImported(der, authority.authority.certificate, now());
          const deviceId = parseDeviceId(read.deviceId);
          const known = deviceId && (await identities.find(deviceId));
          const awaited = known && known.state !== 'revoked' && known.request !== null;
          if (!awaited || keySha256(read.publicKey) !== known.keySha256) continue;
          const certified: StoredIdentity = {
            ...known,
            state: 'active',
            certificate: der,
            certificateEndsAtMs: read.endsAtMs,
            request: null,
            requestedAtMs: 0,
          };
          await identities.put(certified);
          standings.set(certified);
          imported.push(known.deviceId);
        }
        return imported;
      }),
  };
}

function readImported(der: Uint8Array, authority: string, nowMs: number): DeviceCertificate {
  try {
    if (parseCertificate(der) !== undefined) return verifyDeviceCertificate(der, authority, nowMs);
  } catch (error) {
    if (!(error instanceof StarlingError)) throw error;
  }
  throw new CoordinatorError(
    refusal(
      'invalid-argument',
      'CERTIFICATE_INVALID',
      'One of the certificates is not one that this fleet’s authority made for a device, or it is over.',
      'Sign the requests of this coordinator with the authority that it was given.',
    ),
  );
}

function checkUsable(
  token: StoredToken,
  { deviceId, keySha256: key }: DeviceRequest,
  known: StoredIdentity | undefined,
): void {
  if (token.uses >= token.usesMax) {
    throw tokenError(
      'permission-denied',
      'TOKEN_USED',
      `The token ${token.tokenId} was for ${token.usesMax} device${token.usesMax === 1 ? '' : 's'}, and has been used.`,
    );
  }
  if (token.deviceId !== null && token.deviceId !== deviceId) {
    throw tokenError(
      'permission-denied',
      'TOKEN_DEVICE_MISMATCH',
      `The token ${token.tokenId} is for the device ${token.deviceId}, not for ${deviceId}.`,
    );
  }
  if (known?.state === 'revoked' && known.keySha256 === key) {
    throw new CoordinatorError(
      refusal(
        'permission-denied',
        'KEY_REVOKED',
        `The key of device ${deviceId} was revoked and can never be used again.`,
        'Remove the identity folder in the device’s state directory, so that it makes a new key.',
      ),
    );
  }
  if (known !== undefined && token.deviceId === null) {
    throw new CoordinatorError(
      refusal(
        'already-exists',
        'DEVICE_ALREADY_ENROLLED',
        `There is a device ${deviceId} in this fleet, and this token is for new ones.`,
        `Choose another device id, or make a token that lets this device replace its key: starling device token create --device ${deviceId}.`,
      ),
    );
  }
}

/** A device speaks for itself only. */
export function identityMismatch(proven: string, claimed: string): CoordinatorError {
  return new CoordinatorError(
    refusal(
      'permission-denied',
      'DEVICE_IDENTITY_MISMATCH',
      `The certificate is of device ${proven}, and the message speaks for ${claimed.slice(0, 80)}.`,
      'A device speaks for itself only; leave its id to its certificate.',
    ),
  );
}
