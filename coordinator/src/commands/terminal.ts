import type { Clock } from '@starling/federation';

/** What a command sees of the process it runs in. */
export interface Terminal {
  /** For results: tables and JSON. */
  readonly out: NodeJS.WritableStream;
  /** For everything else: progress, remarks, errors. */
  readonly err: NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  /** Aborts when the user wants the command to end: Ctrl-C, SIGTERM. */
  readonly signal: AbortSignal;
}

/** Whether bars can be drawn: `err` is a terminal that moves its cursor. */
export function drawsBars({ err, env }: Terminal): boolean {
  return err.isTTY === true && env.TERM !== 'dumb' && env.CI === undefined;
}

export function printLine(terminal: Terminal, text: string): void {
  terminal.out.write(`${text}\n`);
}

export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out.write(`${JSON.stringify(value)}\n`);
}

/** A remark for people; never on standard output, which may be read by a program. */
export function remark(terminal: Terminal, text: string): void {
  terminal.err.write(`${text}\n`);
}
