import type { Entropy } from '@starling/federation';
import type * as wire from '@starling/proto';
import type { FleetService, Handlers } from '@starling/proto';
import { CoordinatorError, refusal } from '../errors.js';
import { type Enrolment, type Fleet, type FleetDevice, makeToken } from '../identity/index.js';
import type { IdentityStore, StoredToken } from '../storage/index.js';
import { toWire } from './errors.js';
import { deviceIdOf, invalid, quote } from './parse.js';

export interface FleetHandlersOptions {
  readonly fleet: Fleet;
  readonly enrolment: Enrolment;
  readonly identities: IdentityStore;
  readonly authoritySha256: string;
  readonly entropy: Entropy;
  readonly now: () => number;
}

const namePattern = /^[A-Za-z0-9._-]{1,64}$/;
const labelValuePattern = /^[\x20-\x7e]{0,128}$/;
const reasonLengthMax = 200;
const lifetimeMsMax = 366 * 86_400_000;
const usesMaxMax = 1_000_000;

export function fleetHandlers(options: FleetHandlersOptions): Handlers<typeof FleetService> {
  const { fleet, enrolment, identities, entropy, now } = options;
  return {
    createToken: ({ group, deviceId, lifetimeMs, usesMax }) =>
      toWire(async () => {
        if (!(lifetimeMs > 0 && lifetimeMs <= lifetimeMsMax && usesMax >= 1 && usesMax <= usesMaxMax)) {
          throw invalid(
            'TOKEN_SETTINGS_INVALID',
            `A token for ${usesMax} uses within ${lifetimeMs} ms cannot be made.`,
            `Choose 1 to ${usesMaxMax} uses and at most a year.`,
          );
        }
        const settings = {
          group: nameOf(group, 'group'),
          deviceId: deviceId === '' ? null : deviceIdOf(deviceId),
          lifetimeMs,
          // One device, one key: a token that may replace a key may do it once.
          usesMax: deviceId === '' ? usesMax : 1,
        };
        const made = await makeToken(identities, settings, options.authoritySha256, entropy, now());
        return { token: tokenMessage(made.token), text: made.text };
      }),

    listTokens: () =>
      toWire(async () => {
        const tokens = await identities.listTokens();
        return { tokens: tokens.filter(({ expiresAtMs }) => expiresAtMs > now()).map(tokenMessage) };
      }),

    revokeToken: ({ tokenId }) =>
      toWire(async () => {
        if (await identities.removeToken(tokenId)) return {};
        throw new CoordinatorError(
          refusal(
            'not-found',
            'TOKEN_UNKNOWN',
            `There is no token ${quote(tokenId)}.`,
            'List the tokens to see their ids.',
          ),
        );
      }),

    listDevices: ({ group }) =>
      toWire(async () => {
        const devices = await fleet.list(group === '' ? undefined : nameOf(group, 'group'));
        return { devices: devices.map(deviceMessage) };
      }),

    getDevice: ({ deviceId }) =>
      toWire(async () => ({ device: deviceMessage(await fleet.get(deviceIdOf(deviceId))) })),

    revokeDevice: ({ deviceId, reason }) =>
      toWire(async () => ({
        device: deviceMessage(await fleet.revoke(deviceIdOf(deviceId), reason.slice(0, reasonLengthMax))),
      })),

    labelDevice: ({ deviceId, set, remove }) =>
      toWire(async () => {
        const labels = Object.fromEntries(
          set.map(({ key, value }) => [nameOf(key, 'label'), labelValueOf(value)]),
        );
        return { device: deviceMessage(await fleet.label(deviceIdOf(deviceId), labels, remove)) };
      }),

    listCertificateRequests: () =>
      toWire(async () => ({ requests: (await fleet.list()).flatMap(requestMessage) })),

    importCertificates: ({ certificates }) =>
      toWire(async () => ({ deviceIds: [...(await enrolment.importCertificates(certificates))] })),
  };
}

function nameOf(text: string, what: 'group' | 'label'): string {
  if (namePattern.test(text)) return text;
  throw invalid(
    what === 'group' ? 'GROUP_INVALID' : 'LABELS_INVALID',
    `${quote(text)} is not the name of a ${what}.`,
    'Use 1 to 64 characters of A-Z, a-z, 0-9, ".", "_" and "-".',
  );
}

function labelValueOf(text: string): string {
  if (labelValuePattern.test(text)) return text;
  throw invalid(
    'LABELS_INVALID',
    `${quote(text)} is no value of a label.`,
    'Use up to 128 printable characters.',
  );
}

function tokenMessage(token: StoredToken): wire.EnrolmentToken {
  const { tokenId, group, usesMax, uses, createdAtMs, expiresAtMs } = token;
  return { tokenId, group, deviceId: token.deviceId ?? '', usesMax, uses, createdAtMs, expiresAtMs };
}

function deviceMessage(device: FleetDevice): wire.Device {
  return {
    deviceId: device.deviceId,
    group: device.group,
    state: device.state,
    keySha256: Buffer.from(device.keySha256, 'hex'),
    enrolledAtMs: device.enrolledAtMs,
    certificateEndsAtMs: device.certificateEndsAtMs,
    lastSeenAtMs: device.lastSeenMs,
    agentVersion: device.agentVersion,
    labels: Object.entries(device.labels).map(([key, value]) => ({ key, value })),
    revokedAtMs: device.revokedAtMs,
    revocationReason: device.revocationReason,
    connections: device.connections,
  };
}

function requestMessage(device: FleetDevice): wire.CertificateRequest[] {
  const { deviceId, group, request, requestedAtMs } = device;
  return request === null ? [] : [{ deviceId, group, certificateRequest: request, requestedAtMs }];
}
