import type { EnrolmentService, EnrolResponse, Handlers } from '@starling/proto';
import type { Certified, Enrolment } from '../identity/index.js';
import { toWire } from './errors.js';
import { callerOf, invalid } from './parse.js';

export interface EnrolmentHandlersOptions {
  readonly enrolment: Enrolment;
  /** The authority's certificate, DER. */
  readonly authority: Uint8Array;
}

/** Anybody may send one; nothing that is longer is looked at. */
const tokenLengthMax = 256;

export function enrolmentHandlers({
  enrolment,
  authority,
}: EnrolmentHandlersOptions): Handlers<typeof EnrolmentService> {
  const answer = (certified: Certified): EnrolResponse =>
    certified.kind === 'certified'
      ? { outcome: { kind: 'certificate', value: { certificate: certified.certificate, authority } } }
      : { outcome: { kind: 'pending', value: { retryAfterMs: certified.retryAfterMs } } };

  return {
    enrol: ({ token, certificateRequest }) =>
      toWire(async () => {
        if (token.length > tokenLengthMax) {
          throw invalid('TOKEN_MALFORMED', 'The token is longer than any.', 'Use it as it was handed out.');
        }
        return answer(await enrolment.enrol(token, certificateRequest));
      }),

    renewCertificate: ({ certificateRequest }, { caller }) =>
      toWire(async () => answer(await enrolment.renew(callerOf(caller), certificateRequest))),
  };
}
