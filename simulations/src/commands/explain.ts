import { ExamplesError, ModelError, OnnxError, PlanError } from '@starling/engine';
import { StrategyError, VectorError } from '@starling/federation';
import { SimulationError, type SimulationErrorCode } from '../errors.js';
import { remark, type Terminal } from './terminal.js';

/** What the exit code says; listed in the help. */
export const exitCodes = {
  done: 0,
  /** Something unexpected. */
  failed: 1,
  /** Wrong options, or a scenario or file that is not what it should be. */
  usage: 2,
  /** Ctrl-C, or another request to end; 128 + SIGINT. */
  interrupted: 130,
} as const;

/** Says what went wrong and what to do about it, as sentences or as one JSON object; gives the exit code. */
export function explain(error: unknown, terminal: Terminal, json: boolean): number {
  const { code, message, remedy, exitCode } = describe(error);
  if (json) remark(terminal, JSON.stringify({ error: { code, message, remedy } }));
  else remark(terminal, [message, remedy].filter((text) => text !== '').join('\n'));
  return exitCode;
}

/** What only shows while a run is made. */
const whileRunning: ReadonlySet<SimulationErrorCode> = new Set([
  'simulation/worker',
  'simulation/diverged',
  'simulation/queue',
  'simulation/plug-in',
]);

function describe(error: unknown): { code: string; message: string; remedy: string; exitCode: number } {
  if (error instanceof SimulationError) {
    const { code, message, remedy } = error;
    return { code, message, remedy, exitCode: whileRunning.has(code) ? exitCodes.failed : exitCodes.usage };
  }
  if (
    error instanceof ExamplesError ||
    error instanceof ModelError ||
    error instanceof OnnxError ||
    error instanceof PlanError ||
    error instanceof StrategyError ||
    error instanceof VectorError
  ) {
    return { code: error.code, message: error.message, remedy: '', exitCode: exitCodes.usage };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { code: 'simulation/unexpected', message, remedy: '', exitCode: exitCodes.failed };
}
