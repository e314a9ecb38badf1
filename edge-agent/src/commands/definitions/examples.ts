import type { Done, Root } from './root.js';

export function addExamples(parser: Root, done: Done): void {
  parser.command('examples', 'Look after local examples', (command) =>
    command
      .command(
        'check <folder>',
        'Validate a folder of examples against a feature contract',
        (check) =>
          check
            .positional('folder', {
              type: 'string',
              demandOption: true,
              describe: 'Folder with examples.csv, or NPY or IDX files',
            })
            .option('contract', {
              type: 'string',
              demandOption: true,
              describe: 'Feature contract, JSON or YAML',
            })
            .example(
              '$0 examples check ./digits --contract digits.json',
              'Name the first fault, or count the examples',
            ),
        async (argv) => {
          const { checkExamples } = await import('../check-examples.js');
          done(await checkExamples(argv.folder, argv.contract, argv.json));
        },
      )
      .command(
        'stats <task>',
        'Count what this device has recorded, and why rows were refused',
        (stats) =>
          stats
            .positional('task', { type: 'string', demandOption: true, describe: 'Name of the task' })
            .option('state', { type: 'string', demandOption: true, describe: 'State directory' })
            .example('$0 examples stats vibration --state ./state', 'Counts by label and reason'),
        async (argv) => {
          const { exampleStatistics } = await import('../recorded-examples.js');
          done(await exampleStatistics(argv.state, argv.task, argv.json));
        },
      )
      .command(
        'quarantine <task>',
        'Show the newest rows that broke the contract',
        (quarantine) =>
          quarantine
            .positional('task', { type: 'string', demandOption: true, describe: 'Name of the task' })
            .option('state', { type: 'string', demandOption: true, describe: 'State directory' })
            .option('most', { type: 'number', default: 20, describe: 'Most rows to show' })
            .example('$0 examples quarantine vibration --state ./state', 'Reason and row of each'),
        async (argv) => {
          const { quarantinedRows } = await import('../recorded-examples.js');
          done(await quarantinedRows(argv.state, argv.task, argv.most, argv.json));
        },
      )
      .command(
        'export <task>',
        'Write labelled examples as CSV to standard output',
        (exporting) =>
          exporting
            .positional('task', { type: 'string', demandOption: true, describe: 'Name of the task' })
            .option('state', { type: 'string', demandOption: true, describe: 'State directory' })
            .option('contract', { type: 'string', demandOption: true, describe: 'The recording, YAML' })
            .example(
              '$0 examples export vibration --state ./state --contract vibration.yaml > examples.csv',
              'A folder that can be trained on elsewhere',
            ),
        async (argv) => {
          const { exportExamples } = await import('../recorded-examples.js');
          done(await exportExamples(argv.state, argv.task, argv.contract));
        },
      )
      .demandCommand(1, 'Say what to do with the examples: check, stats, quarantine or export.'),
  );
}
