/** Logging to standard error: JSON lines for machines, short lines for people. Never an example, a label or an update. */
import { type DestinationStream, pino } from 'pino';
import type { Log } from '../connection/shell.js';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

export interface StderrLogOptions {
  readonly json: boolean;
  readonly level: LogLevel;
}

export function stderrLog({ json, level }: StderrLogOptions): Log {
  return pino({ level, base: null }, json ? pino.destination({ fd: 2, sync: true }) : readable);
}

const names: Readonly<Record<number, string>> = { 20: 'debug', 30: 'info ', 40: 'warn ', 50: 'error' };

const readable: DestinationStream = {
  write(line) {
    const { level, time, msg, error } = JSON.parse(line);
    const clock = new Date(time).toISOString().slice(11, 19);
    process.stderr.write(`${clock} ${names[level] ?? level} ${msg}${error ? `\n${error}` : ''}\n`);
  },
};
