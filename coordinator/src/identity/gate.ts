/** Decides who makes a call, and ends the calls and connections of whoever no longer may. */
import { setMaxListeners } from 'node:events';
import type { Clock } from '@starling/federation';
import {
  type Admission,
  type CallDescription,
  type Caller,
  certificateExpired,
  type DeviceCertificate,
  keySha256,
  readDeviceCertificate,
  StarlingError,
  type TlsPeer,
} from '@starling/proto';
import { type DeviceId, parseDeviceId } from '../ids.js';
import { audienceOf } from './access.js';
import type { AdminToken } from './admin-token.js';
import type { Standings } from './standings.js';

export interface Gate {
  /** For `addService`; who may call what is in access.ts. Throws a `StarlingError` to refuse. */
  admit(call: CallDescription): Admission;
  /** The device at the other end of a connection; throws a `StarlingError` where there is none that may be served. */
  admitDevice(peer: TlsPeer): DeviceAdmission;
  /** Number of connections that a device has open and has made calls on. */
  connectionsOf(deviceId: DeviceId): number;
}

export interface DeviceAdmission {
  readonly caller: { readonly kind: 'device'; readonly deviceId: DeviceId };
  /** Aborts when the device no longer may be served. */
  readonly ended: AbortSignal;
}

export interface GateOptions {
  readonly standings: Standings;
  readonly adminToken: AdminToken;
  readonly peerAt: (address: string) => TlsPeer | undefined;
  readonly clock: Clock;
}

interface Session {
  readonly peer: TlsPeer;
  readonly deviceId: DeviceId;
  readonly certificate: DeviceCertificate;
  readonly keySha256: string;
  readonly ending: AbortController;
}

/** Calls are told why they end; then the connection is cut, so that it does not matter what the other end makes of it. */
const closeGraceMs = 1_000;

export function createGate({ standings, adminToken, peerAt, clock }: GateOptions): Gate {
  const sessions = new WeakMap<TlsPeer, Session>();
  const open = new Map<DeviceId, Set<Session>>();

  standings.onEnded((deviceId) => {
    for (const session of open.get(deviceId) ?? []) {
      if (isStanding(session)) continue;
      session.ending.abort(revoked(deviceId));
      clock.schedule(closeGraceMs, () => session.peer.close());
    }
  });

  const isStanding = (session: Session): boolean => {
    const standing = standings.get(session.deviceId);
    return standing?.state === 'active' && standing.keySha256 === session.keySha256;
  };

  const sessionOf = (peer: TlsPeer): Session => {
    const known = sessions.get(peer);
    if (known !== undefined) return known;
    if (peer.kind === 'anonymous') throw certificateRequired();
    const certificate = readDeviceCertificate(peer.certificate);
    const deviceId = certificate && parseDeviceId(certificate.deviceId);
    if (peer.kind === 'rejected') {
      const isLate = peer.fault.includes('CERT_HAS_EXPIRED') || peer.fault.includes('CERT_NOT_YET_VALID');
      throw isLate && certificate
        ? certificateExpired(certificate, clock.now())
        : certificateUnknown(peer.fault);
    }
    if (certificate === undefined || deviceId === undefined) {
      throw certificateUnknown('it is no device’s certificate');
    }
    const session: Session = {
      peer,
      deviceId,
      certificate,
      keySha256: keySha256(certificate.publicKey),
      ending: new AbortController(),
    };
    // Every call on the connection listens, and a busy device may make many.
    setMaxListeners(0, session.ending.signal);
    sessions.set(peer, session);
    const others = open.get(deviceId) ?? new Set();
    open.set(deviceId, others.add(session));
    peer.onClosed(() => {
      others.delete(session);
      if (others.size === 0 && open.get(deviceId) === others) open.delete(deviceId);
    });
    return session;
  };

  const admitDevice = (peer: TlsPeer): DeviceAdmission => {
    const session = sessionOf(peer);
    const { deviceId, certificate } = session;
    const nowMs = clock.now();
    // A connection may outlive the certificate that it began with.
    if (nowMs > certificate.endsAtMs) throw certificateExpired(certificate, nowMs);
    const standing = standings.get(deviceId);
    if (standing === undefined) throw certificateUnknown(`there is no device ${deviceId} here`);
    if (!isStanding(session)) throw revoked(deviceId);
    return { caller: { kind: 'device', deviceId }, ended: session.ending.signal };
  };

  const device = (call: CallDescription): Admission => {
    const peer = peerAt(call.peer);
    if (peer === undefined) throw connectionGone();
    return admitDevice(peer);
  };

  const operator = (call: CallDescription): Admission => {
    const shown = bearerOf(call);
    if (shown === undefined || !adminToken.matches(shown)) throw unauthenticated(shown !== undefined);
    return { caller: { kind: 'operator' } };
  };

  return {
    admit(call) {
      switch (audienceOf(call.method)) {
        case 'everybody':
          return { caller: anonymous };
        case 'devices':
          return device(call);
        case 'operators':
          return operator(call);
        case 'devices-and-operators':
          return bearerOf(call) === undefined ? device(call) : operator(call);
      }
    },
    admitDevice,
    connectionsOf: (deviceId) => open.get(deviceId)?.size ?? 0,
  };
}

const anonymous: Caller = { kind: 'anonymous' };

function bearerOf({ metadata }: CallDescription): string | undefined {
  const [value] = metadata.get('authorization');
  return typeof value === 'string' && value.startsWith('Bearer ') ? value.slice('Bearer '.length) : undefined;
}

function certificateRequired(): StarlingError {
  return new StarlingError({
    code: 'CERTIFICATE_REQUIRED',
    status: 'unauthenticated',
    message: 'This call is for enrolled devices, and the connection shows no certificate.',
    remedy: 'Enrol the device: starling-agent enroll.',
  });
}

function certificateUnknown(why: string): StarlingError {
  return new StarlingError({
    code: 'CERTIFICATE_UNKNOWN',
    status: 'unauthenticated',
    message: `The certificate is not one of this fleet’s devices (${why}).`,
    remedy: 'Enrol the device with this coordinator: starling-agent enroll.',
  });
}

function revoked(deviceId: DeviceId): StarlingError {
  return new StarlingError({
    code: 'CERTIFICATE_REVOKED',
    status: 'unauthenticated',
    message: `The certificate of device ${deviceId} was revoked, or its key was replaced.`,
    remedy: `To take the device back: starling device token create --device ${deviceId}, and enrol it with a new key.`,
  });
}

function unauthenticated(shown: boolean): StarlingError {
  return new StarlingError({
    code: 'UNAUTHENTICATED',
    status: 'unauthenticated',
    message: shown ? 'The operator’s token is not this coordinator’s.' : 'This call is for operators.',
    remedy: 'Show the token in admin.token of the coordinator’s folder, with --token-file or STARLING_TOKEN.',
  });
}

/** The connection broke while its call was on the way: there is nobody to answer. */
function connectionGone(): StarlingError {
  return new StarlingError({
    code: 'CONNECTION_LOST',
    status: 'unavailable',
    message: 'The connection of this call is gone.',
  });
}
