/** What goes wrong on the device itself, as stable names. */
export type AgentErrorCode =
  | 'agent/configuration'
  | 'agent/state-folder'
  | 'agent/not-enrolled'
  | 'agent/key-exposed'
  | 'agent/state-in-use'
  | 'agent/artifact-hash'
  | 'agent/artifact-size'
  | 'agent/plan-memory'
  /** No runtime that the plan takes is on this device. */
  | 'agent/plan-runtime'
  | 'agent/plan-mismatch'
  | 'agent/examples-missing'
  | 'agent/not-finite'
  | 'agent/training-ended'
  | 'agent/training-memory'
  | 'agent/telemetry'
  /** No room is left for a release; what serves goes on. */
  | 'agent/disk-full'
  /** There is no room for the process that tries a release; it is tried again later. */
  | 'agent/trial-not-started'
  /** A version that is to be tried again was not given up here. */
  | 'agent/release-not-given-up'
  /** What lay in a release's slot is not what was put there. */
  | 'agent/slot-damaged'
  /** This device does not go along with a round; the message begins with the refusal's name. */
  | 'agent/refused';

/** The message says what is wrong, where, and what to do. */
export class AgentError extends Error {
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'AgentError';
    this.code = code;
  }
}
