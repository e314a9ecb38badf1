/** Where a device stands in a round: what late, duplicate and unknown messages are answered with. */
import { type Refusal, refusal } from '../errors.js';
import { type DeviceId, describeRound } from '../ids.js';
import type { Collected } from './collect.js';
import type { ExchangeState } from './exchange.js';
import type { RoundState } from './round.js';

export type Standing =
  | { readonly kind: 'may-contribute' }
  /** Its contribution is durable; the same message again is the same message. */
  | { readonly kind: 'counted' }
  | { readonly kind: 'failed'; readonly refusal: Refusal }
  | { readonly kind: 'refused'; readonly refusal: Refusal };

export function standingOf(state: RoundState, deviceId: DeviceId): Standing {
  const where = describeRound(state.started.key);
  switch (state.stage) {
    case 'recruit':
      return refused(
        'ROUND_NOT_COLLECTING',
        `${where} is still gathering its cohort; device ${deviceId} has no work in it yet.`,
        'Check in and wait for an assignment.',
      );
    case 'advertise-keys':
    case 'share-keys': {
      const standing = standingInCohort(state, deviceId);
      if (standing.kind !== 'may-contribute') return standing;
      return refused(
        'ROUND_NOT_COLLECTING',
        `${where} is in its stage ${state.stage}; updates are not awaited yet.`,
        'Exchange keys first.',
      );
    }
    case 'collect':
      return standingInCohort(state, deviceId);
    case 'consistency':
    case 'unmask':
    case 'aggregate':
    case 'committed': {
      const standing = standingInCohort(state, deviceId);
      if (standing.kind !== 'may-contribute') return standing;
      return refused(
        'ROUND_CLOSED',
        `${where} has the updates it needs; the one of device ${deviceId} came too late and is not counted.`,
        'Drop the update and check in for new work.',
      );
    }
    case 'abandoned':
      return refused(
        'ROUND_ABANDONED',
        `${where} was abandoned: ${state.event.reason}`,
        'Drop the work and check in for new work.',
      );
  }
}

export function standingInCohort(
  state: Pick<Collected, 'started' | 'cohort' | 'counted' | 'failed' | 'expected'>,
  deviceId: DeviceId,
): Standing {
  if (state.cohort.has(deviceId) && state.counted.has(deviceId)) return { kind: 'counted' };
  return standingAmongExpected(state, deviceId);
}

/** Where a device stands in a stage of secure aggregation that it is to answer once. */
export function standingInExchange(state: ExchangeState, deviceId: DeviceId): ExchangeStanding {
  if (state.answered.has(deviceId) && !state.failed.has(deviceId)) return { kind: 'answered' };
  const standing = standingAmongExpected(state, deviceId);
  return standing.kind === 'may-contribute' ? { kind: 'may-answer' } : standing;
}

export type ExchangeStanding =
  | { readonly kind: 'may-answer' }
  | { readonly kind: 'answered' }
  | Extract<Standing, { kind: 'failed' | 'refused' }>;

function standingAmongExpected(
  state: Pick<Collected, 'started' | 'cohort' | 'failed' | 'expected'>,
  deviceId: DeviceId,
): Extract<Standing, { kind: 'may-contribute' | 'failed' | 'refused' }> {
  const where = describeRound(state.started.key);
  if (!state.cohort.has(deviceId)) {
    return refused(
      'DEVICE_NOT_SELECTED',
      `Device ${deviceId} is not in the cohort of ${where}.`,
      'Check in and wait for an assignment.',
    );
  }
  const failed = state.failed.get(deviceId);
  if (failed !== undefined) {
    return {
      kind: 'failed',
      refusal: precondition(
        'DEVICE_GAVE_UP',
        `Device ${deviceId} reported in ${where} that it cannot finish (${failed.reason}).`,
        'Check in for new work.',
      ),
    };
  }
  if (!state.expected.has(deviceId)) {
    return refused(
      'STAGE_MISSED',
      `${where} went on without device ${deviceId}, which did not answer in an earlier stage in time.`,
      'Drop the work and check in for new work.',
    );
  }
  return { kind: 'may-contribute' };
}

type Refused = Extract<Standing, { kind: 'refused' }>;

function refused(code: string, message: string, remedy: string): Refused {
  return { kind: 'refused', refusal: precondition(code, message, remedy) };
}

function precondition(code: string, message: string, remedy: string): Refusal {
  return refusal('failed-precondition', code, message, remedy);
}
