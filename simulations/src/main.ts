#!/usr/bin/env node
/** The command `starling-sim`: hands the process over to the commands. */
import { hideBin } from 'yargs/helpers';
import { createSystemClock } from './adapters/index.js';
import { exitCodes, runCommandLine } from './commands/command-line.js';

const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // The second request is meant: whoever asks twice does not want to wait for the round.
    if (ending.signal.aborted) process.exit(exitCodes.interrupted);
    ending.abort(new Error(`ended by ${signal}`));
  });
}
// A reader that goes away (`starling-sim report | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await runCommandLine(hideBin(process.argv), {
  out: process.stdout,
  err: process.stderr,
  env: process.env,
  clock: createSystemClock(),
  signal: ending.signal,
});
