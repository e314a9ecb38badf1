/** Where a device stands in a round: what late, duplicate and unknown messages are answered with. */
import { type Refusal, refusal } from '../errors.js';
import { type DeviceId, describeRound } from '../ids.js';
import type { Collected } from './collect.js';
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
      return {
        kind: 'refused',
        refusal: refusal(
          'failed-precondition',
          'ROUND_NOT_COLLECTING',
          `${where} is still gathering its cohort; device ${deviceId} has no work in it yet.`,
          'Check in and wait for an assignment.',
        ),
      };
    case 'collect':
      return standingInCohort(state, deviceId);
    case 'aggregate':
    case 'committed': {
      const standing = standingInCohort(state, deviceId);
      if (standing.kind !== 'may-contribute') return standing;
      return {
        kind: 'refused',
        refusal: refusal(
          'failed-precondition',
          'ROUND_CLOSED',
          `${where} has the updates it needs; the one of device ${deviceId} came too late and is not counted.`,
          'Drop the update and check in for new work.',
        ),
      };
    }
    case 'abandoned':
      return {
        kind: 'refused',
        refusal: refusal(
          'failed-precondition',
          'ROUND_ABANDONED',
          `${where} was abandoned: ${state.event.reason}`,
          'Drop the work and check in for new work.',
        ),
      };
  }
}

export function standingInCohort(
  state: Pick<Collected, 'started' | 'cohort' | 'counted' | 'failed'>,
  deviceId: DeviceId,
): Standing {
  const where = describeRound(state.started.key);
  if (!state.cohort.has(deviceId)) {
    return {
      kind: 'refused',
      refusal: refusal(
        'failed-precondition',
        'DEVICE_NOT_SELECTED',
        `Device ${deviceId} is not in the cohort of ${where}.`,
        'Check in and wait for an assignment.',
      ),
    };
  }
  if (state.counted.has(deviceId)) return { kind: 'counted' };
  const failed = state.failed.get(deviceId);
  if (failed !== undefined) {
    return {
      kind: 'failed',
      refusal: refusal(
        'failed-precondition',
        'DEVICE_GAVE_UP',
        `Device ${deviceId} reported in ${where} that it cannot finish (${failed.reason}).`,
        'Check in for new work.',
      ),
    };
  }
  return { kind: 'may-contribute' };
}
