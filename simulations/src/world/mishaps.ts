/** Failures that nothing expected: what the products log of errors that are no refusals. */
import type { Log } from '@starling/coordinator/simulation';
import type { SimulatedProcess } from './simulated-process.js';

export interface Mishap {
  readonly where: string;
  readonly error: unknown;
}

/** Errors that are neither refusals nor a full disk's are bugs. */
export function logOf(where: string, process: SimulatedProcess, mishaps: Mishap[]): Log {
  const note = (fields: unknown): void => {
    if (!process.isAlive || typeof fields !== 'object' || fields === null || !('err' in fields)) return;
    const { err } = fields;
    if (isExpected(err, process)) return;
    mishaps.push({ where, error: err });
  };
  const ignore = (): void => {};
  return { debug: ignore, info: ignore, warn: note, error: note };
}

function isExpected(error: unknown, { machine }: SimulatedProcess): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === 'CoordinatorError' || error.name === 'StarlingError' || error.name === 'AbortError')
    return true;
  const code = 'code' in error ? error.code : undefined;
  return code === 'ENOSPC' || code === 'SQLITE_FULL' || (machine.disk.isFull && code === 'SQLITE_ERROR');
}
