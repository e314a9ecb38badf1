/** Follows the state machine and the conditions, and tells of each change of the agent's standing. */
import type { Clock } from '@starling/federation';
import type { Transition } from '../connection/shell.js';
import { initialState, type Stage } from '../connection/state.js';
import {
  afterConditions,
  afterStep,
  initialStanding,
  isComputing,
  type LastRound,
  type Standing,
} from './standing.js';

export interface ConditionsSeen {
  /** Why training stands still; empty where it may go on. */
  readonly reasons: readonly string[];
  onChange(listener: () => void): () => void;
}

export interface TrackerOptions {
  /** Of an earlier life of the agent. */
  readonly lastRound: LastRound | null;
  readonly gate: ConditionsSeen | undefined;
  readonly onStanding: (standing: Standing) => void;
}

export interface StandingTracker {
  stepped(transition: Transition): void;
  close(): void;
}

export function trackStanding(
  asksForWork: boolean,
  { lastRound, gate, onStanding }: TrackerOptions,
  clock: Clock,
): StandingTracker {
  let stage: Stage = initialState.stage;
  let standing = initialStanding(asksForWork, clock.now(), lastRound);
  const become = (next: Standing): void => {
    if (next === standing) return;
    standing = next;
    onStanding(standing);
  };
  const look = (): void =>
    become(afterConditions(standing, gate?.reasons ?? [], isComputing(stage), clock.now()));
  onStanding(standing);
  look();
  const stopLooking = gate?.onChange(look);
  return {
    stepped(transition) {
      stage = transition.after;
      become(afterStep(standing, transition, clock.now()));
    },
    close: () => stopLooking?.(),
  };
}
