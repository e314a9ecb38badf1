export type { Abandoned } from './abandoned.js';
export type { AdvertisingKeys } from './advertise-keys.js';
export type { Aggregating } from './aggregate.js';
export { admissible, type Collecting } from './collect.js';
export type { Committed } from './committed.js';
export type { ConfirmingSurvivors } from './consistency.js';
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
  ExchangeStage,
  FailureReason,
  MetricSums,
  PartialSum,
  RoundAbandoned,
  RoundCommitted,
  RoundEvent,
  RoundStarted,
  SecureReport,
} from './events.js';
export { type Group, type GroupedCohort, groupIndexOf, groupMinimumOf, groupsOf } from './groups.js';
export { type Recruiting, waitingFor } from './recruit.js';
export {
  decideRound,
  type ExchangingRound,
  evolveRound,
  isExchanging,
  isLive,
  type LiveRound,
  type RoundState,
  recoveryEffects,
  wakeAtMs,
} from './round.js';
export { selectCohort } from './select.js';
export {
  cohortSizeOf,
  type RoundPurpose,
  type RoundSettings,
  type SecureStageSettings,
} from './settings.js';
export type { SharingKeys } from './share-keys.js';
export { type ExchangeStanding, type Standing, standingInExchange, standingOf } from './standing.js';
export type { Unmasking } from './unmask.js';
