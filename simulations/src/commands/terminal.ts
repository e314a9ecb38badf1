import type { Clock } from '@starling/federation';

/** What a command sees of the process it runs in. */
export interface Terminal {
  /** For results: tables and JSON. */
  readonly out: NodeJS.WritableStream;
  /** For everything else: progress, remarks, errors. */
  readonly err: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  /** Aborts when the user wants the command to end. */
  readonly signal: AbortSignal;
}

export const printLine = ({ out }: Terminal, text: string): void => void out.write(`${text}\n`);
export const remark = ({ err }: Terminal, text: string): void => void err.write(`${text}\n`);

/** Whether bars can be drawn: `err` is a terminal that moves its cursor. */
export function drawsBars({ err, env }: Terminal): boolean {
  return err.isTTY === true && env.TERM !== 'dumb' && env.CI === undefined;
}
