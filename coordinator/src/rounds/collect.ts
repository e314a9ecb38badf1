/** Updates (or evaluations) of the cohort are awaited. Stragglers are cut off without blame. */
import { assert } from '../errors.js';
import type { DeviceId } from '../ids.js';
import {
  accept,
  deviceFailed,
  type FailDevice,
  type RoundCommand,
  type RoundDecision,
  refuse,
} from './decision.js';
import type {
  CohortSelected,
  CollectionClosed,
  Contribution,
  ContributionsCounted,
  DeviceFailed,
  PartialSum,
  RoundEvent,
  RoundStarted,
  StageClosed,
} from './events.js';
import { groupsOf } from './groups.js';
import { describeQuorums, isReachable, isReached, type Quorum, totalOf } from './quorum.js';
import type { Recruiting } from './recruit.js';
import { secureQuorums } from './secure-stages.js';
import type { SharingKeys } from './share-keys.js';
import { standingInCohort } from './standing.js';

/** What a cohort has come to: shared by the stages after recruiting. */
export interface Collected {
  readonly started: RoundStarted;
  readonly selectedAtMs: number;
  readonly cohort: ReadonlySet<DeviceId>;
  readonly updatesWanted: number;
  readonly counted: ReadonlyMap<DeviceId, Contribution>;
  readonly failed: ReadonlyMap<DeviceId, DeviceFailed>;
  /** The newest durable sum; `null` before the first update and in evaluation rounds. */
  readonly partialSum: PartialSum | null;
  /** With secure aggregation, the devices of the roster; empty before there is one, and without. */
  readonly advertised: ReadonlySet<DeviceId>;
  /** Who may still answer or contribute: the cohort, less those who missed a stage. */
  readonly expected: ReadonlySet<DeviceId>;
}

/** What of a stage the next one goes on with. */
export function collectedOf(state: Collected): Collected {
  const { started, selectedAtMs, cohort, updatesWanted, counted, failed, partialSum } = state;
  const { advertised, expected } = state;
  return {
    started,
    selectedAtMs,
    cohort,
    updatesWanted,
    counted,
    failed,
    partialSum,
    advertised,
    expected,
  };
}

export interface Collecting extends Collected {
  readonly stage: 'collect';
  readonly enteredAtMs: number;
  readonly deadlineAtMs: number;
}

export function collecting(state: Recruiting, event: CohortSelected): Collecting {
  const cohort = new Set(event.devices);
  return {
    stage: 'collect',
    started: state.started,
    selectedAtMs: event.atMs,
    enteredAtMs: event.atMs,
    cohort,
    updatesWanted: event.updatesWanted,
    counted: new Map(),
    failed: new Map(),
    partialSum: null,
    advertised: new Set(),
    expected: cohort,
    deadlineAtMs: event.atMs + state.started.settings.collectTimeoutMs,
  };
}

/** Keys and shares are exchanged: those who shared may contribute. */
export function collectingMasked(state: SharingKeys, event: StageClosed): Collecting {
  const { started, selectedAtMs, cohort, failed, partialSum, advertised, answered, counted } = state;
  return {
    stage: 'collect',
    started,
    selectedAtMs,
    enteredAtMs: event.atMs,
    cohort,
    // Whoever is not in the sum counts as a dropout, of which the round tolerates only so many; of which group the last
    // ones would be is chance, so that groups wait for everyone.
    updatesWanted:
      groupsOf(state).length > 1
        ? answered.size
        : Math.max(Math.min(state.updatesWanted, answered.size), totalOf(secureQuorums(state))),
    counted,
    failed,
    partialSum,
    advertised,
    expected: answered,
    deadlineAtMs: event.atMs + started.settings.collectTimeoutMs,
  };
}

/** Fewest updates that make a round of this cohort. */
function quorumsOf(state: Collected): readonly Quorum[] {
  const { secure, updatesMin } = state.started.settings;
  return secure === null ? [{ devices: state.cohort, minimum: updatesMin }] : secureQuorums(state);
}

export function withCounted(state: Collecting, event: ContributionsCounted): Collecting {
  const counted = new Map(state.counted);
  for (const contribution of event.contributions) {
    assert(!counted.has(contribution.deviceId), 'an update is counted once');
    counted.set(contribution.deviceId, contribution);
  }
  const { collectProgressMs, collectTimeoutMaxMs } = state.started.settings;
  const moved = Math.min(event.atMs + collectProgressMs, state.enteredAtMs + collectTimeoutMaxMs);
  return {
    ...state,
    counted,
    partialSum: event.partialSum,
    deadlineAtMs: Math.max(state.deadlineAtMs, moved),
  };
}

export function withFailed(state: Collecting, event: DeviceFailed): Collecting {
  return { ...state, failed: new Map(state.failed).set(event.deviceId, event) };
}

/** Closes the stage once there is nothing to wait for, by numbers or by time. */
export function advanceCollect(state: Collecting, nowMs: number): RoundDecision {
  return accept(...closing(state, nowMs));
}

function closing(state: Collecting, nowMs: number): RoundEvent[] {
  const { key, settings } = state.started;
  const counted = state.counted.size;
  const quorums = quorumsOf(state);
  const isQuorum = isReached(quorums, state.counted);
  const isOutstanding = (deviceId: DeviceId): boolean =>
    state.expected.has(deviceId) && !state.counted.has(deviceId) && !state.failed.has(deviceId);
  const outstanding = [...state.expected].filter(isOutstanding).length;
  const close = (cause: CollectionClosed['cause']): RoundEvent[] => [
    { kind: 'collection-closed', atMs: nowMs, key, masked: settings.secure !== null, cause },
  ];
  if (counted >= state.updatesWanted) return close('enough');
  if (outstanding === 0 && isQuorum) return close('nobody-left');
  if (!isReachable(quorums, state.counted, isOutstanding)) {
    return [
      {
        kind: 'round-abandoned',
        atMs: nowMs,
        key,
        code: 'QUORUM_IMPOSSIBLE',
        reason:
          `${state.failed.size} of ${state.cohort.size} devices failed, ` +
          `so ${describeQuorums(quorums)} updates cannot come together.`,
      },
    ];
  }
  if (nowMs < state.deadlineAtMs) return [];
  if (isQuorum) return close('deadline');
  return [
    {
      kind: 'round-abandoned',
      atMs: nowMs,
      key,
      code: 'DEADLINE_BELOW_QUORUM',
      reason: `${counted} of ${describeQuorums(quorums)} updates had arrived when the deadline passed.`,
    },
  ];
}

/**
 * Those of `devices` whose contribution may be counted now: in order, none twice, never more than are wanted.
 * Who folds updates asks this first, so that the sum holds exactly what the event will say.
 */
export function admissible(state: Collecting, devices: readonly DeviceId[]): DeviceId[] {
  const admitted = new Set<DeviceId>();
  for (const deviceId of devices) {
    if (state.counted.size + admitted.size >= state.updatesWanted) break;
    if (standingInCohort(state, deviceId).kind === 'may-contribute') admitted.add(deviceId);
  }
  return [...admitted];
}

export function decideCount(
  state: Collecting,
  command: Extract<RoundCommand, { kind: 'count' }>,
): RoundDecision {
  const devices = command.contributions.map((contribution) => contribution.deviceId);
  for (const deviceId of devices) {
    const standing = standingInCohort(state, deviceId);
    if (standing.kind === 'refused' || standing.kind === 'failed') return refuse(standing.refusal);
  }
  const admitted = new Set(admissible(state, devices));
  // Repetitions and updates beyond what is wanted were never folded: counting them would not match the sum.
  assert(admitted.size === devices.length, 'only admissible updates are folded and counted, each once');
  if (devices.length === 0) return accept();
  const event: ContributionsCounted = {
    kind: 'contributions-counted',
    atMs: command.nowMs,
    key: state.started.key,
    contributions: command.contributions,
    partialSum: command.partialSum,
  };
  return accept(event, ...closing(withCounted(state, event), command.nowMs));
}

export function decideFailure(state: Collecting, command: FailDevice): RoundDecision {
  const standing = standingInCohort(state, command.deviceId);
  if (standing.kind === 'counted' || standing.kind === 'failed') return accept();
  if (standing.kind === 'refused') return refuse(standing.refusal);
  const event = deviceFailed(state.started.key, command);
  return accept(event, ...closing(withFailed(state, event), command.nowMs));
}
