import {
  ExamplesError,
  ModelError,
  OnnxError,
  PlanError,
  QuantizeError,
  RuntimeError,
} from '@starling/engine';
import { PrivacyError } from '@starling/federation';
import { StarlingError } from '@starling/proto';
import { CoordinatorError } from '../errors.js';
import { exitCodes } from './exit-codes.js';
import { remark, type Terminal } from './terminal.js';

/** Wrong use of a command: an option, an argument, a file. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly code = 'USAGE';
  readonly remedy: string;

  constructor(message: string, remedy = '') {
    super(message);
    this.remedy = remedy;
  }
}

/** Says what went wrong and what to do about it, as sentences or as one JSON object; gives the exit code. */
export function explain(error: unknown, terminal: Terminal, json: boolean): number {
  if (terminal.signal.aborted) return exitCodes.interrupted;
  const { code, message, remedy, exitCode } = describe(error);
  if (json) remark(terminal, JSON.stringify({ error: { code, message, remedy } }));
  else remark(terminal, [message, remedy].filter((text) => text !== '').join('\n'));
  return exitCode;
}

function exitCodeOf({ code, status }: StarlingError): number {
  // The one that this process itself throws: the address was an option.
  if (code === 'ADDRESS_UNAVAILABLE') return exitCodes.usage;
  return status === 'unavailable' ? exitCodes.unreachable : exitCodes.refused;
}

function describe(error: unknown): { code: string; message: string; remedy: string; exitCode: number } {
  if (error instanceof StarlingError) {
    const { code, message, remedy } = error;
    return { code, message, remedy, exitCode: exitCodeOf(error) };
  }
  if (error instanceof CoordinatorError) {
    const { code, message, remedy } = error.refusal;
    return { code, message, remedy, exitCode: exitCodes.usage };
  }
  if (error instanceof UsageError || error instanceof PrivacyError) {
    return { code: error.code, message: error.message, remedy: error.remedy, exitCode: exitCodes.usage };
  }
  if (
    error instanceof ExamplesError ||
    error instanceof ModelError ||
    error instanceof OnnxError ||
    error instanceof QuantizeError ||
    error instanceof PlanError ||
    error instanceof RuntimeError
  ) {
    return { code: error.code, message: error.message, remedy: '', exitCode: exitCodes.failed };
  }
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNEXPECTED';
  return { code, message, remedy: '', exitCode: exitCodes.failed };
}
