/** One step of the machine while it is being taken: hands out tickets and collects effects. */
import { type BackoffSettings, defaultBackoff } from './backoff.js';
import type { Effect, Ticket } from './state.js';

export interface MachineSettings {
  readonly backoff: BackoffSettings;
  /** Longest time a stop waits for the coordinator to hear of it, in milliseconds. */
  readonly stopGraceMs: number;
}

export const defaultMachineSettings: MachineSettings = { backoff: defaultBackoff, stopGraceMs: 1500 };

/** Codes of refusals that blame nobody: the round went on, or is over. */
const overCodes: ReadonlySet<string> = new Set([
  'ROUND_ABANDONED',
  'ROUND_CLOSED',
  'ROUND_OVER',
  'RUN_NOT_RUNNING',
  'STAGE_MISSED',
]);

export function isOver(code: string): boolean {
  return overCodes.has(code);
}

export interface Draft {
  readonly settings: MachineSettings;
  /** Adds an effect that is answered, and gives the ticket of its answer. */
  start(effect: (ticket: Ticket) => Effect): Ticket;
  /** Adds an effect that nothing answers. */
  add(effect: Effect): void;
}

export interface OpenDraft extends Draft {
  readonly effects: readonly Effect[];
  nextTicket(): Ticket;
}

export function openDraft(settings: MachineSettings, firstTicket: Ticket): OpenDraft {
  const effects: Effect[] = [];
  let next = firstTicket;
  return {
    settings,
    effects,
    nextTicket: () => next,
    start(effect) {
      const ticket = next++;
      effects.push(effect(ticket));
      return ticket;
    },
    add: (effect) => {
      effects.push(effect);
    },
  };
}
