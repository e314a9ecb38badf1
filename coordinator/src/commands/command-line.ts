import { createRequire } from 'node:module';
import yargs, { type Argv } from 'yargs';
import { coordinatorOption } from './connection.js';
import { exitCodes } from './exit-codes.js';
import { explain, UsageError } from './explain.js';
import type { Terminal } from './terminal.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string };

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
  addModel(parser, terminal);
  addStatus(parser, terminal);
  addDemo(parser, terminal, done);
  parser
    .completion('completion', 'Print a completion script for the shell: eval "$(starling completion)"')
    .demandCommand(1, 'Say what to do: serve, task, run, model, status, demo or completion.')
    .strict()
    .recommendCommands()
    .version(version)
    .epilogue(epilogue)
    .wrap(Math.min(110, terminal.err.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      throw (
        error ??
        new UsageError(message.replaceAll('\n', ' '), 'See "starling --help", or --help after a command.')
      );
    });
  try {
    await parser.parseAsync();
    return exitCode;
  } catch (error) {
    return explain(error, terminal, args.includes('--json'));
  }
}

/** Takes the exit code of a command that can end in more than one way. */
type Done = (exitCode: number) => void;
type Root = Argv<{ json: boolean }>;

function addServe(parser: Root, terminal: Terminal): void {
  parser.command(
    'serve',
    'Start a coordinator on this machine',
    (command) =>
      command
        .option('data', {
          type: 'string',
          default: './starling-data',
          describe: 'Folder for everything it remembers',
        })
        .option('host', { type: 'string', default: '127.0.0.1', describe: 'Address to listen on' })
        .option('port', {
          type: 'number',
          default: 7443,
          describe: 'Port to listen on; 0 takes any free one',
        })
        .option('log-level', {
          choices: ['debug', 'info', 'warn', 'error', 'silent'] as const,
          default: 'info' as const,
          describe: 'Least level to log, on standard error',
        })
        .example('$0 serve', 'For agents and commands on this machine')
        .example('$0 serve --host 0.0.0.0 --data /var/lib/starling', 'For a network')
        .check(({ port }) => isWhole('port', port, 0, 65_535)),
    async (args) => {
      const { serve } = await import('./serve.js');
      await serve(args, terminal);
    },
  );
}

function addTask(parser: Root, terminal: Terminal): void {
  parser.command('task', 'What is to be learned', (task) =>
    task
      .option('coordinator', coordinatorOption(terminal))
      .command(
        'apply <file>',
        'Create a task, or a new version of it, from a YAML or JSON file',
        (command) =>
          command
            .positional('file', { type: 'string', demandOption: true, describe: 'The definition' })
            .example('$0 task apply digits.yaml', 'Names every fault with its line, or the new version'),
        async (args) => {
          const { applyTask } = await import('./task.js');
          await applyTask(args.file, args, terminal);
        },
      )
      .command(
        'list',
        'Show all tasks',
        (command) => command.example('$0 task list --json', 'For programs'),
        async (args) => {
          const { listTasks } = await import('./task.js');
          await listTasks(args, terminal);
        },
      )
      .command(
        'show <name>',
        'Show a task as it was understood, with every default',
        (command) =>
          command
            .positional('name', { type: 'string', demandOption: true, describe: 'The task' })
            .example('$0 task show digits', 'As YAML, which "task apply" reads again'),
        async (args) => {
          const { showTask } = await import('./task.js');
          await showTask(args.name, args, terminal);
        },
      )
      .demandCommand(1, 'Say what to do with tasks: apply, list or show.'),
  );
}

function addRun(parser: Root, terminal: Terminal, done: Done): void {
  const watch = { type: 'boolean', default: false, describe: 'Show how it goes until it ends' } as const;
  const rounds = { type: 'number', describe: 'Number of rounds, instead of the task’s' } as const;
  const runId = { type: 'string', demandOption: true, describe: 'The run' } as const;
  parser.command('run', 'One training of a task', (run) =>
    run
      .option('coordinator', coordinatorOption(terminal))
      .command(
        'start <task>',
        'Start to train a task',
        (command) =>
          command
            .positional('task', { type: 'string', demandOption: true, describe: 'The task' })
            .option('seed', {
              type: 'number',
              describe: 'Decides initial parameters, cohorts and device seeds',
            })
            .option('rounds', rounds)
            .option('watch', watch)
            .example('$0 run start digits --watch', 'Start and follow it')
            .example('run=$($0 run start digits)', 'Standard output is the run id alone')
            .check(
              ({ seed, rounds }) =>
                isWhole('seed', seed, 0, 0xffff_ffff) && isWhole('rounds', rounds, 1, 1e6),
            ),
        async (args) => {
          const { startRun } = await import('./run.js');
          done(await startRun({ ...args, seed: args.seed, rounds: args.rounds }, terminal));
        },
      )
      .command(
        'list [task]',
        'Show runs, the newest first',
        (command) =>
          command
            .positional('task', { type: 'string', describe: 'Only runs of this task' })
            .example('$0 run list digits', 'Runs of one task'),
        async (args) => {
          const { listRuns } = await import('./run.js');
          await listRuns(args.task, args, terminal);
        },
      )
      .command(
        'watch <run>',
        'Show a run from its start, live until it ends',
        (command) =>
          command
            .positional('run', runId)
            .example('$0 run watch digits-1', 'Ctrl-C ends the watching, not the run')
            .example('$0 run watch digits-1 --json', 'One event a line'),
        async (args) => {
          const { watchRunById } = await import('./run.js');
          done(await watchRunById(args.run, args, terminal));
        },
      )
      .command(
        'stop <run>',
        'Stop a run at its last checkpoint',
        (command) => command.positional('run', runId).example('$0 run stop digits-1', 'It can be resumed'),
        async (args) => {
          const { stopRun } = await import('./run.js');
          await stopRun(args.run, args, terminal);
        },
      )
      .command(
        'resume <run>',
        'Go on with a stopped run',
        (command) =>
          command
            .positional('run', runId)
            .option('rounds', rounds)
            .option('watch', watch)
            .example('$0 run resume digits-1 --rounds 100 --watch', 'Go on, up to 100 rounds in all')
            .check((args) => isWhole('rounds', args.rounds, 1, 1e6)),
        async (args) => {
          const { resumeRun } = await import('./run.js');
          done(await resumeRun({ ...args, runId: args.run, rounds: args.rounds }, terminal));
        },
      )
      .demandCommand(1, 'Say what to do with runs: start, list, watch, stop or resume.'),
  );
}

function addModel(parser: Root, terminal: Terminal): void {
  parser.command('model', 'What was learned', (model) =>
    model
      .option('coordinator', coordinatorOption(terminal))
      .command(
        'export <run>',
        'Write a checkpoint as an ONNX file that any ONNX Runtime loads',
        (command) =>
          command
            .positional('run', { type: 'string', demandOption: true, describe: 'The run' })
            .option('round', {
              type: 'number',
              describe: 'Number of committed rounds; the newest unless told',
            })
            .option('output', {
              alias: 'o',
              type: 'string',
              default: 'model.onnx',
              describe: 'File to write',
            })
            .option('force', {
              type: 'boolean',
              default: false,
              describe: 'Replace the file where it exists',
            })
            .example('$0 model export digits-1 -o digits.onnx', 'The newest checkpoint')
            .check(({ round }) => isWhole('round', round, 0, 1e6)),
        async (args) => {
          const { exportModelCommand } = await import('./model.js');
          await exportModelCommand({ ...args, runId: args.run, round: args.round }, terminal);
        },
      )
      .demandCommand(1, 'Say what to do with models: export.'),
  );
}

function addStatus(parser: Root, terminal: Terminal): void {
  parser.command(
    'status',
    'Show what a coordinator is doing',
    (command) =>
      command
        .option('coordinator', coordinatorOption(terminal))
        .example('$0 status', 'Devices, runs, memory'),
    async (args) => {
      const { showStatus } = await import('./status.js');
      await showStatus(args, terminal);
    },
  );
}

/** For `check`: true, or throws what is wrong with the option. */
function isWhole(option: string, value: number | undefined, least: number, most: number): true {
  if (value === undefined || (Number.isInteger(value) && value >= least && value <= most)) return true;
  throw new UsageError(`--${option} must be a whole number from ${least} to ${most}.`);
}

function addDemo(parser: Root, terminal: Terminal, done: Done): void {
  parser.command(
    'demo',
    'Learn MNIST with a coordinator and agents on this machine, each a process of its own',
    (command) =>
      command
        .option('agents', { type: 'number', default: 10, describe: 'Number of agents' })
        .option('rounds', {
          type: 'number',
          describe: `Number of rounds; ${demoRounds.shards}, with --iid ${demoRounds.iid}`,
        })
        .option('iid', {
          type: 'boolean',
          default: false,
          describe: 'A sample of all digits each, not two shards',
        })
        .option('seed', { type: 'number', default: 1, describe: 'Decides split, parameters and training' })
        .option('strategy', {
          type: 'string',
          describe: 'fedavg, fedprox, fedavgm, fedadagrad, fedadam or fedyogi',
        })
        .option('encoding', {
          choices: ['float32', 'stochastic-quantization'] as const,
          default: 'float32' as const,
          describe: 'How updates travel',
        })
        .option('target-accuracy', { type: 'number', describe: 'Stop early at this test accuracy' })
        .option('folder', { type: 'string', describe: 'Folder to work in, which is kept' })
        .option('keep', { type: 'boolean', default: false, describe: 'Keep the temporary folder' })
        .option('agent', {
          type: 'string',
          describe: 'The agent’s main.js, where it is not installed beside',
        })
        .example('$0 demo', 'Ten agents with two classes each')
        .example('$0 demo --agents 4 --iid --rounds 5', 'Quick')
        .example('$0 demo --json', 'The result as one JSON object, the last line'),
    async (args) => {
      const { runDemo } = await import('../demo/index.js');
      const { strategy, targetAccuracy, folder, agent } = args;
      const rounds = args.rounds ?? (args.iid ? demoRounds.iid : demoRounds.shards);
      done(await runDemo({ ...args, rounds, strategy, targetAccuracy, folder, agent }, terminal));
    },
  );
}

/** What reaches 0.95 test accuracy with shards, and 0.97 IID, with rounds to spare. */
const demoRounds = { shards: 45, iid: 12 };
