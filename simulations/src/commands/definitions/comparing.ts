/** Commands for what is made of many runs. */
import { SimulationError } from '../../errors.js';
import type { Terminal } from '../terminal.js';
import { type Root, runningOf, runningOptions } from './options.js';

const foldersOfRuns = {
  type: 'string',
  array: true,
  demandOption: true,
  describe: 'Folders of runs',
} as const;

export function addComparing(parser: Root, terminal: Terminal): void {
  parser.command(
    'sweep <scenario>',
    'Run a scenario for every combination of some values',
    (command) =>
      command
        .positional('scenario', { type: 'string', demandOption: true, describe: 'YAML file' })
        .option('vary', {
          type: 'string',
          array: true,
          nargs: 1,
          demandOption: true,
          describe: 'What varies and its values: training.learningRate=0.03,0.1; again for more',
        })
        .option('random', { type: 'number', describe: 'Run so many combinations, drawn at random' })
        .option('halving', {
          type: 'number',
          describe: 'Successive halving: of so many candidates, the best goes on',
        })
        .option('metric', {
          type: 'string',
          default: 'accuracy',
          describe: 'What candidates are ranked by',
        })
        .option('output', { alias: 'o', type: 'string', describe: 'Folder for the runs' })
        .options(runningOptions)
        .example(
          '$0 sweep scenario.yaml --vary training.learningRate=0.03,0.1,0.3 --vary seed=1,2',
          'A grid',
        ),
    async (args) => {
      if (args.halving !== undefined && !(args.halving > 1)) {
        throw new SimulationError('simulation/usage', '--halving must be above 1, for instance 3.');
      }
      if (args.random !== undefined && !(Number.isInteger(args.random) && args.random >= 1)) {
        throw new SimulationError('simulation/usage', '--random must be a whole number from 1 on.');
      }
      const { sweepCommand } = await import('../sweep.js');
      const { random, halving, output } = args;
      await sweepCommand({ ...args, random, halving, output, ...runningOf(args, terminal) }, terminal);
    },
  );
  parser.command(
    'compare <runs..>',
    'Compare runs in a table',
    (command) =>
      command
        .positional('runs', foldersOfRuns)
        .example('$0 compare runs/fedavg-1 runs/scaffold-1', 'Two strategies'),
    async ({ runs, json }) => {
      const { compareCommand } = await import('../report.js');
      await compareCommand({ runs, output: undefined, json }, terminal);
    },
  );
  parser.command(
    'report <runs..>',
    'Write an HTML report that needs no network',
    (command) =>
      command
        .positional('runs', foldersOfRuns)
        .option('output', {
          alias: 'o',
          type: 'string',
          describe: 'File to write; report.html in the folder of a single run unless told',
        })
        .example('$0 report runs/fedavg-1 runs/scaffold-1 -o both.html', 'Two runs on one page'),
    async ({ runs, output, json }) => {
      const { reportCommand } = await import('../report.js');
      await reportCommand({ runs, output, json }, terminal);
    },
  );
  parser.command(
    'export <run>',
    "Write a run's metrics for other tools",
    (command) =>
      command
        .positional('run', { type: 'string', demandOption: true, describe: 'Folder of a run' })
        .option('format', { choices: ['parquet', 'tensorboard', 'mlflow'] as const, demandOption: true })
        .option('output', {
          alias: 'o',
          type: 'string',
          describe: "Folder to write to; the run's unless told",
        })
        .example('$0 export runs/fedavg-1 --format tensorboard', 'Then: tensorboard --logdir runs')
        .example(
          '$0 export runs/fedavg-1 --format mlflow -o .',
          'Then: MLFLOW_ALLOW_FILE_STORE=true mlflow ui --backend-store-uri mlruns; or "mlflow migrate-filestore" into a database',
        ),
    async ({ run, format, output, json }) => {
      const { exportCommand } = await import('../export.js');
      await exportCommand({ run, format, output, json }, terminal);
    },
  );
  parser.command(
    'reproduce <list>',
    'Run what papers report, and write the table of their figures beside ours',
    (command) =>
      command
        .positional('list', { type: 'string', demandOption: true, describe: 'YAML file of scenarios' })
        .option('output', {
          alias: 'o',
          type: 'string',
          default: 'runs/reproductions',
          describe: 'Folder for the runs; those in it are not run again',
        })
        .option('only', { type: 'string', describe: 'Only scenarios whose name has this in it' })
        .option('table-only', { type: 'boolean', default: false, describe: 'Run nothing' })
        .option('write', {
          type: 'string',
          describe: 'Markdown file to write the table to; what was not run keeps its figures there',
        })
        .options(runningOptions)
        .example(
          '$0 reproduce simulations/scenarios/reproductions.yaml --only 2nn',
          'The 2NN of the founding paper',
        ),
    async (args) => {
      const { reproduceCommand } = await import('../reproduce.js');
      const { only, write } = args;
      await reproduceCommand({ ...args, only, write, ...runningOf(args, terminal) }, terminal);
    },
  );
}
