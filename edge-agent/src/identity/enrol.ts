/** Makes the device part of a fleet: token in, certificate in the state directory. */
import { X509Certificate } from 'node:crypto';
import { type Clock, delay, type Entropy } from '@starling/federation';
import {
  connect as connectOverGrpc,
  createClient,
  EnrolmentService,
  fetchAuthority,
  keySha256,
  parseEnrolmentToken,
  StarlingError,
  verifyDeviceCertificate,
} from '@starling/proto';
import { AgentError } from '../errors.js';
import { deviceId } from '../state/device-id.js';
import { makeCertificateRequest } from './certificate-request.js';
import {
  type Connect,
  type DeviceIdentity,
  keepCertificate,
  openKey,
  readIdentity,
} from './device-identity.js';

export interface EnrolOptions {
  /** `host:port`. */
  readonly coordinator: string;
  readonly stateFolder: string;
  readonly token: string;
  /** Chosen at the first start; a random one where it is absent. */
  readonly deviceId?: string | undefined;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly signal: AbortSignal;
  /** Over gRPC unless told. */
  readonly connect?: Connect | undefined;
  /** Told while somebody else has yet to certify. */
  readonly onPending?: (() => void) | undefined;
}

const callMsMax = 30_000;

/**
 * Enrols and keeps what came of it. Safe to repeat: until it worked, the same key asks again; a device that has a
 * certificate keeps it.
 *
 * @throws StarlingError TOKEN_…, DEVICE_ALREADY_ENROLLED, AUTHORITY_MISMATCH, UNAVAILABLE
 * @throws AgentError where the token or the state directory cannot be used
 */
export async function enrol(options: EnrolOptions): Promise<DeviceIdentity> {
  const { coordinator, stateFolder, token, clock, entropy, signal, connect = connectOverGrpc } = options;
  const id = await deviceId(stateFolder, options.deviceId, entropy);
  const kept = await readIdentity(stateFolder);
  if (kept !== undefined && kept.deviceId === id && kept.endsAtMs > clock.now()) return kept;
  const parsed = parseEnrolmentToken(token);
  if (parsed === undefined) {
    throw new AgentError('agent/configuration', 'The enrolment token is not whole; copy all of it.');
  }
  const key = await openKey(stateFolder, entropy);
  const certificateRequest = await makeCertificateRequest(key, id);
  const authority = await fetchAuthority(coordinator, parsed.authoritySha256, signal);
  const connection = connect(coordinator, { security: { kind: 'tls', authority } });
  try {
    const service = createClient(EnrolmentService, connection);
    for (;;) {
      const { outcome } = await service.enrol(
        { token: token.trim(), certificateRequest },
        { signal, deadlineAtMs: clock.now() + callMsMax },
      );
      if (outcome?.kind === 'certificate') {
        await acceptCertificate(stateFolder, outcome.value.certificate, authority, key, id, clock);
        break;
      }
      options.onPending?.();
      await delay(clock, outcome?.value.retryAfterMs ?? callMsMax, signal);
    }
  } finally {
    connection.close();
  }
  const identity = await readIdentity(stateFolder);
  if (identity === undefined) throw new Error('what was kept just now is there');
  return identity;
}

/** Checks that the answer is what was asked for, whoever gave it, and keeps it. */
export async function acceptCertificate(
  stateFolder: string,
  certificate: Uint8Array,
  authority: string,
  key: DeviceIdentity['key'],
  id: string,
  clock: Clock,
): Promise<void> {
  const made = verifyDeviceCertificate(certificate, authority, clock.now());
  if (made.deviceId !== id || keySha256(made.publicKey) !== keySha256(key)) {
    throw new StarlingError({
      code: 'CERTIFICATE_MISMATCH',
      status: 'data-loss',
      message: `The certificate that came is of ${made.deviceId}, or over another key than this device's.`,
      remedy: 'Enrol again; if it happens once more, the coordinator is at fault.',
    });
  }
  await keepCertificate(stateFolder, certificate, new X509Certificate(authority).toString());
}
