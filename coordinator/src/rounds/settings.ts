/** What a round asks of its cohort, and how long it waits for whom. */
import type { GraphRequirements } from '@starling/federation';

export type RoundPurpose = 'train' | 'evaluate' | 'analyze';

export interface RoundSettings {
  /** Number of updates at which the round is aggregated. */
  readonly updatesWanted: number;
  /** Devices selected for each wanted update, at least 1: what is expected to drop out is selected on top. */
  readonly overSelection: number;
  /** Fewest updates that make a round; a cohort is never smaller either. */
  readonly updatesMin: number;
  /**
   * The largest share of the waiting devices that is selected, in (0, 1): what amplification by sampling rests on. Absent
   * where all of them may be.
   */
  readonly shareMax?: number | undefined;
  /** How long a cohort may take to gather, in milliseconds. */
  readonly recruitTimeoutMs: number;
  /**
   * How long selection waits for more devices once there are enough to go on, in milliseconds: for those of the last
   * round to come back (or the ones that did not take part in it would always be first), and, with the fewest but not
   * the wanted number there, for somebody else to come.
   */
  readonly recruitGraceMs: number;
  /** How long the cohort has at first, in milliseconds. */
  readonly collectTimeoutMs: number;
  /** Time that is left at least after each counted update, in milliseconds: the deadline moves with progress. */
  readonly collectProgressMs: number;
  /** The deadline never moves past this time after the cohort's selection, in milliseconds. */
  readonly collectTimeoutMaxMs: number;
  /** Present where contributions are aggregated securely. */
  readonly secure: SecureStageSettings | null;
}

/** How long the stages that secure aggregation adds wait, and what they tolerate. */
export interface SecureStageSettings {
  readonly requirements: GraphRequirements;
  /** Into how many groups, each summed under masks of its own, a cohort is split by chance; absent for one. */
  readonly groups?: number | undefined;
  /** How long nobody may advertise keys before the stage ends, in milliseconds. */
  readonly keysTimeoutMs: number;
  /** How long nobody may answer in the stages after that before they end, in milliseconds. */
  readonly answersTimeoutMs: number;
  /** With a quorum there, they end when nobody has answered for this time, in milliseconds. */
  readonly answersGraceMs: number;
}

/** Number of devices selected where enough are there: the wanted updates times the over-selection, rounded up. */
export function cohortSizeOf(settings: Pick<RoundSettings, 'updatesWanted' | 'overSelection'>): number {
  return Math.ceil(settings.updatesWanted * settings.overSelection);
}
