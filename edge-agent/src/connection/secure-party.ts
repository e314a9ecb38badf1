/** The port through which the loop takes part in secure aggregation. */
import type { Assignment, RoundKey } from './assignment.js';

export interface SecureParty {
  /**
   * Exchanges keys and shares with the cohort, or goes on where it was before; afterwards an update can be masked. Fails
   * with a `CallError` where the coordinator cannot be reached or refuses, and with an `AgentError` `agent/refused` that
   * begins with the refusal's name where this device does not go along.
   */
  join(assignment: Assignment, signal: AbortSignal): Promise<void>;
  /** Signs the survivors and reveals shares; fails like `join`. */
  confirm(round: RoundKey, signal: AbortSignal): Promise<void>;
  /** Removes the secrets of a round; harmless where there are none. */
  forget(round: RoundKey): Promise<void>;
}
