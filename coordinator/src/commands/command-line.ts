import yargs from 'yargs';
import { coordinatorVersion } from '../version.js';
import { addAnalytics } from './definitions/analytics.js';
import { addAuthority } from './definitions/authority.js';
import { addDemo } from './definitions/demo.js';
import { addDevice } from './definitions/device.js';
import { addKey } from './definitions/key.js';
import { addModel } from './definitions/model.js';
import { addRelease } from './definitions/release.js';
import { addRollout } from './definitions/rollout.js';
import { addRun } from './definitions/run.js';
import { addServe } from './definitions/serve.js';
import { addStatus } from './definitions/status.js';
import { addTask } from './definitions/task.js';
import { addTelemetry } from './definitions/telemetry.js';
import { exitCodes } from './exit-codes.js';
import { explain, UsageError } from './explain.js';
import { addPrivacy } from './privacy-command.js';
import type { Terminal } from './terminal.js';

const epilogue = `Exit codes: 0 done, 1 unexpected, 2 wrong options or files, 3 no coordinator answers, 4 the coordinator refused, 5 the watched run failed, 130 interrupted.`;

/** Runs one command line to its end and gives the exit code. Commands load when they run: help and completion are quick. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = exitCodes.done;
  const done = (code: number): void => {
    exitCode = code;
  };
  const parser = yargs([...args])
    .scriptName('starling')
    .usage(
      '$0 <command>\n\nDirects a fleet of devices that learn one model together; no example leaves its device.',
    )
    .option('json', {
      type: 'boolean',
      default: false,
      global: true,
      describe: 'Print JSON: one object a line',
    });
  addServe(parser, terminal);
  addTask(parser, terminal);
  addRun(parser, terminal, done);
  addAnalytics(parser, terminal, done);
  addModel(parser, terminal, done);
  addPrivacy(parser, terminal);
  addDevice(parser, terminal);
  addKey(parser, terminal);
  addAuthority(parser, terminal);
  addRelease(parser, terminal);
  addRollout(parser, terminal);
  addTelemetry(parser, terminal);
  addStatus(parser, terminal);
  addDemo(parser, terminal, done);
  parser
    .completion('completion', 'Print a completion script for the shell: eval "$(starling completion)"')
    .demandCommand(
      1,
      'Say what to do: serve, task, run, model, privacy, device, key, authority, release, rollout, telemetry, status, demo or completion.',
    )
    .strict()
    .recommendCommands()
    .version(coordinatorVersion())
    .epilogue(epilogue)
    .wrap(Math.min(110, terminal.err.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      // What yargs finds while it reads the line comes as an error of its own.
      if (error && error.name !== 'YError') throw error;
      throw new UsageError(
        message.replaceAll('\n', ' '),
        'See "starling --help", or --help after a command.',
      );
    });
  try {
    await parser.parseAsync();
    return exitCode;
  } catch (error) {
    return explain(error, terminal, args.includes('--json'));
  }
}
