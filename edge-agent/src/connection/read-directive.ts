/** What a check-in was answered, checked before anything acts on it. */
import { type CheckInService, type createClient, PROTOCOL_REVISION } from '@starling/proto';
import type { PlanOwners } from '../owners/index.js';
import { readAssignment, type WorkLimits } from './read-assignment.js';
import { CallError, type Directive } from './transport.js';

export function checkRevision(revision: number): void {
  if (revision < 1 || revision > PROTOCOL_REVISION) {
    throw new CallError({
      kind: 'incompatible',
      message: `The coordinator wants revision ${revision} of the protocol; this agent speaks ${PROTOCOL_REVISION} at most. Update the agent.`,
    });
  }
}

export type WireDirective = Awaited<
  ReturnType<ReturnType<typeof createClient<typeof CheckInService>>['checkIn']>
>['directive'];

/** Work is done for the owner of its task only, whoever hands it out. */
export async function authorized(
  wire: WireDirective,
  directive: Directive,
  owners: PlanOwners,
): Promise<Directive> {
  if (directive.kind !== 'work' || wire?.kind !== 'work') return directive;
  const { assignment } = directive;
  const message = await owners.refusalOf(wire.value, assignment);
  return message === undefined
    ? directive
    : { kind: 'unacceptable', round: assignment.round, reason: 'plan', message };
}

/** Longest time an agent stays away because it was told so: a day. */
const comeBackMsMax = 86_400_000;

export function readDirective(directive: WireDirective, limits: WorkLimits): Directive {
  if (directive?.kind === 'work') {
    return readAssignment(directive.value, limits);
  }
  if (directive?.kind === 'comeBack') {
    const earliestMs = Math.min(directive.value.earliestMs, comeBackMsMax);
    const latestMs = Math.min(Math.max(directive.value.latestMs, earliestMs), comeBackMsMax);
    return { kind: 'come-back', earliestMs, latestMs, reason: directive.value.reason };
  }
  throw new CallError({
    kind: 'refused',
    code: 'DIRECTIVE_UNKNOWN',
    message: 'The coordinator gave a directive that this agent does not know. Update the agent.',
  });
}
