export type { Abandoned } from './abandoned.js';
export type { Aggregating } from './aggregate.js';
export { admissible, type Collecting } from './collect.js';
export type { Committed } from './committed.js';
export {
  type Decision,
  effectsOf,
  type RoundCommand,
  type RoundDecision,
  type RoundEffect,
} from './decision.js';
export type {
  AbandonCode,
  CohortSelected,
  Contribution,
  FailureReason,
  MetricSums,
  PartialSum,
  RoundAbandoned,
  RoundCommitted,
  RoundEvent,
  RoundStarted,
} from './events.js';
export type { Recruiting } from './recruit.js';
export {
  decideRound,
  evolveRound,
  isLive,
  type LiveRound,
  type RoundState,
  recoveryEffects,
  wakeAtMs,
} from './round.js';
export { selectCohort } from './select.js';
export { cohortSizeOf, type RoundPurpose, type RoundSettings } from './settings.js';
export { type Standing, standingOf } from './standing.js';
