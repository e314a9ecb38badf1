/** Who may call what: the one table that the gate goes by, and that docs/messages.md shows. */

export type Audience = 'everybody' | 'devices' | 'operators' | 'devices-and-operators';

/** Of a whole service, or of each of its calls. */
const access: { readonly [service: string]: Audience | { readonly [call: string]: Audience } } = {
  // A device that has yet to enrol shows no certificate but a token, which enrolment itself checks.
  EnrolmentService: { Enrol: 'everybody', RenewCertificate: 'devices' },
  CheckInService: 'devices',
  RoundService: 'devices',
  SecureAggregationService: 'devices',
  ArtifactService: 'devices-and-operators',
  ReleaseService: 'devices',
  TelemetryService: 'devices',
  OperationsService: 'operators',
  FleetService: 'operators',
  ReleaseOperationsService: 'operators',
  TelemetryQueryService: 'operators',
};

/** `path` is a call's: `/starling.v1.RoundService/GetRoundState`. Throws for a call that the table does not have. */
export function audienceOf(path: string): Audience {
  const [, service = '', call = ''] = /^\/starling\.v1\.(\w+)\/(\w+)$/.exec(path) ?? [];
  const audience = Object.hasOwn(access, service) ? access[service] : undefined;
  if (typeof audience === 'string') return audience;
  if (audience === undefined || !Object.hasOwn(audience, call)) {
    throw new Error(`nobody said who may call ${path}; see identity/access.ts`);
  }
  return audience[call];
}
