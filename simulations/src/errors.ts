/** What can go wrong in a simulation, as stable names that callers may switch on. */
export type SimulationErrorCode =
  /** The scenario contradicts itself or the data. */
  | 'simulation/scenario'
  /** Data that should be there is not, or is not what it should be. */
  | 'simulation/data'
  /** A run folder is of another scenario, or damaged. */
  | 'simulation/run-folder'
  /** A plug-in (a strategy, partition, attack or device model of the caller's) did what it must not. */
  | 'simulation/plug-in'
  /** A worker ended that should not have. */
  | 'simulation/worker'
  /** Training came to numbers that are none: the learning rate is too large. */
  | 'simulation/diverged'
  /** The coordinator of the mode protocol ended the run. */
  | 'simulation/protocol'
  /** Redis, or what it holds, is not as the queue needs it. */
  | 'simulation/queue'
  /** Wrong use of a command. */
  | 'simulation/usage';

/** Says what a simulation could not do, and what to do about it. */
export class SimulationError extends Error {
  readonly code: SimulationErrorCode;
  readonly remedy: string;

  constructor(code: SimulationErrorCode, message: string, remedy = '', options?: ErrorOptions) {
    super(message, options);
    this.name = 'SimulationError';
    this.code = code;
    this.remedy = remedy;
  }
}
