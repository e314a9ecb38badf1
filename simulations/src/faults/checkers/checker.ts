/** What must hold, each rule in a file of its own and apart from what is simulated: it sees what is stored and what is sent. */
import type { Recorded, RunEvent, RunStarted } from '@starling/coordinator';
import type { ObservedCall } from '../../world/network.js';
import type { World } from '../../world/world.js';

export interface Violation {
  readonly checker: string;
  readonly atMs: number;
  readonly message: string;
}

/** What checkers look at. */
export interface Sight {
  readonly world: World;
  /** Everything that is durable in the coordinator's log, by run. */
  readonly runs: ReadonlyMap<string, readonly Recorded[]>;
  /** Devices that ever misbehaved: what they say proves nothing. */
  readonly hostile: ReadonlySet<string>;
  report(message: string): void;
}

export interface Checker {
  readonly name: string;
  /** Events that became durable just now, in order. */
  onEvents?(runId: string, events: readonly RunEvent[]): void;
  onRequest?(call: ObservedCall, request: Uint8Array): void;
  onAnswer?(call: ObservedCall, request: Uint8Array, answer: Uint8Array): void;
  /** After each step in which something was written to the coordinator's database. */
  onCommit?(): void;
  /** After each step. */
  onStep?(): void;
  /** When the faults are over and everything came to rest. */
  atEnd?(): void;
}

export type MakeChecker = (sight: Sight) => Checker;

export function startOf(sight: Sight, runId: string): RunStarted {
  const first = sight.runs.get(runId)?.at(0)?.event;
  if (first?.kind !== 'run-started') throw new Error(`the log of ${runId} does not begin with its start`);
  return first;
}
