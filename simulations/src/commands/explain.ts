import { ExamplesError, ModelError, OnnxError, PlanError } from '@starling/engine';
import { StrategyError, VectorError } from '@starling/federation';
import { SimulationError } from '../errors.js';
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

function describe(error: unknown): { code: string; message: string; remedy: string; exitCode: number } {
  if (error instanceof SimulationError) {
    const { code, message, remedy } = error;
    const usage =
      code !== 'simulation/worker' && code !== 'simulation/queue' && code !== 'simulation/plug-in';
    return { code, message, remedy, exitCode: usage ? exitCodes.usage : exitCodes.failed };
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
