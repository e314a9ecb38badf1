/** Drives the renewal machine: waits, asks for the certificate, keeps it, and hands it to the transport. */
import type { Clock, Entropy, Scheduled } from '@starling/federation';
import { connect as connectOverGrpc, createClient, EnrolmentService, StarlingError } from '@starling/proto';
import { drawFrom, type Log } from '../connection/shell.js';
import { makeCertificateRequest } from './certificate-request.js';
import { type Connect, type DeviceIdentity, readIdentity, securityOf } from './device-identity.js';
import { acceptCertificate } from './enrol.js';
import { type RenewalEvent, type RenewalStep, startRenewal, stepRenewal } from './renewal-machine.js';

export interface RenewalPorts {
  readonly coordinator: string;
  readonly stateFolder: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly onRenewed: (identity: DeviceIdentity) => void;
  /** Over gRPC unless told. */
  readonly connect?: Connect | undefined;
}

const callMsMax = 30_000;

/** Keeps the certificate of a running agent fresh; gives a function that stops it. */
export function keepRenewed(first: DeviceIdentity, ports: RenewalPorts): () => void {
  const { clock, entropy, log } = ports;
  const ending = new AbortController();
  let identity = first;
  let timer: Scheduled | undefined;
  let taken: RenewalStep = startRenewal(first, clock.now());

  const carryOut = ({ effects }: RenewalStep): void => {
    for (const effect of effects) {
      switch (effect.kind) {
        case 'log':
          log[effect.level]({}, effect.message);
          break;
        case 'wait':
          timer = clock.schedule(drawFrom(effect.window, entropy), () =>
            post({ kind: 'elapsed', nowMs: clock.now() }),
          );
          break;
        case 'renew':
          void renew().then(post);
          break;
      }
    }
  };

  const post = (event: RenewalEvent): void => {
    if (ending.signal.aborted) return;
    taken = stepRenewal(taken.state, event);
    carryOut(taken);
  };

  const renew = async (): Promise<RenewalEvent> => {
    try {
      const renewed = await askForCertificate(identity, ports, ending.signal);
      if (renewed.kind === 'pending') return renewed;
      identity = renewed.identity;
      ports.onRenewed(identity);
      return { kind: 'renewed', lifetime: identity, nowMs: clock.now() };
    } catch (error) {
      const why = error instanceof StarlingError ? `${error.code}: ${error.message}` : String(error);
      return {
        kind: 'failed',
        message: `The certificate could not be renewed. ${why}`,
        nowMs: clock.now(),
      };
    }
  };

  carryOut(taken);
  return () => {
    ending.abort();
    timer?.cancel();
  };
}

async function askForCertificate(
  identity: DeviceIdentity,
  { coordinator, stateFolder, clock, connect = connectOverGrpc }: RenewalPorts,
  signal: AbortSignal,
): Promise<
  | { readonly kind: 'renewed'; readonly identity: DeviceIdentity }
  | { readonly kind: 'pending'; readonly retryAfterMs: number }
> {
  const { key, deviceId, authority } = identity;
  const certificateRequest = await makeCertificateRequest(key, deviceId);
  const connection = connect(coordinator, { security: securityOf(identity) });
  try {
    const { outcome } = await createClient(EnrolmentService, connection).renewCertificate(
      { certificateRequest },
      { signal, deadlineAtMs: clock.now() + callMsMax },
    );
    if (outcome?.kind !== 'certificate') {
      return { kind: 'pending', retryAfterMs: outcome?.value.retryAfterMs ?? callMsMax };
    }
    await acceptCertificate(stateFolder, outcome.value.certificate, authority, key, deviceId, clock);
  } finally {
    connection.close();
  }
  const kept = await readIdentity(stateFolder);
  if (kept === undefined) throw new Error('what was kept just now is there');
  return { kind: 'renewed', identity: kept };
}
