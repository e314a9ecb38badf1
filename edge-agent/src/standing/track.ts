/** Follows the state machine and the conditions, and tells of each change of the agent's standing. */
import type { Clock, Scheduled } from '@starling/federation';
import type { Transition } from '../connection/shell.js';
import { initialState, type Stage } from '../connection/state.js';
import {
  afterConditions,
  afterReached,
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
  whenReached?: (() => Promise<void>) | undefined,
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
  let holding: Scheduled | undefined;
  /** A check-in may be held open for long; who holds it has been reached. */
  const follow = (asked: Stage): void => {
    const settle = (): void => {
      if (stage === asked) become(afterReached(standing, clock.now()));
    };
    whenReached?.().then(
      () => {
        if (stage !== asked) return;
        holding?.cancel();
        holding = clock.schedule(heldMsMin, settle);
      },
      () => {
        // The call tells the same.
      },
    );
  };
  return {
    stepped(transition) {
      stage = transition.after;
      become(afterStep(standing, transition, clock.now()));
      const isAsking = stage.kind === 'checking-in' && stage !== transition.before;
      if (isAsking && standing.connection.kind !== 'connected') follow(stage);
    },
    close() {
      holding?.cancel();
      stopLooking?.();
    },
  };
}

/** A coordinator that refuses this device, or its certificate, does so at once. */
const heldMsMin = 1_000;
