import { clientOptions } from '../connection.js';
import type { Terminal } from '../terminal.js';
import { type Done, isWhole, type Root } from './root.js';

export function addRun(parser: Root, terminal: Terminal, done: Done): void {
  const watch = { type: 'boolean', default: false, describe: 'Show how it goes until it ends' } as const;
  const rounds = { type: 'number', describe: 'Number of rounds, instead of the task’s' } as const;
  const runId = { type: 'string', demandOption: true, describe: 'The run' } as const;
  parser.command('run', 'One training of a task', (run) =>
    run
      .options(clientOptions(terminal))
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
          const { startRun } = await import('../run.js');
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
          const { listRuns } = await import('../run.js');
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
          const { watchRunById } = await import('../run.js');
          done(await watchRunById(args.run, args, terminal));
        },
      )
      .command(
        'stop <run>',
        'Stop a run at its last checkpoint',
        (command) => command.positional('run', runId).example('$0 run stop digits-1', 'It can be resumed'),
        async (args) => {
          const { stopRun } = await import('../run.js');
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
          const { resumeRun } = await import('../run.js');
          done(await resumeRun({ ...args, runId: args.run, rounds: args.rounds }, terminal));
        },
      )
      .demandCommand(1, 'Say what to do with runs: start, list, watch, stop or resume.'),
  );
}
