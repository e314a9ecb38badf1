import { clientOptions } from '../connection.js';
import type { Terminal } from '../terminal.js';
import type { Done, Root } from './root.js';

export function addAnalytics(parser: Root, terminal: Terminal, done: Done): void {
  parser.command('analytics', 'Questions about the examples of a fleet, without training', (analytics) =>
    analytics
      .options(clientOptions(terminal))
      .command(
        'run <task>',
        'Ask the devices of a task about a column of their examples, and show the answer',
        (command) =>
          command
            .positional('task', { type: 'string', demandOption: true, describe: 'The task' })
            .option('column', {
              type: 'string',
              demandOption: true,
              describe: 'A feature or the target of the task; "reading.2" is one element of it',
            })
            .option('statistic', {
              choices: [
                'count',
                'sum',
                'mean',
                'variance',
                'histogram',
                'quantiles',
                'heavy-hitters',
              ] as const,
              demandOption: true,
              describe: 'What to ask',
            })
            .option('minimum', { type: 'number', describe: 'Least value that counts as it is' })
            .option('maximum', { type: 'number', describe: 'Greatest value that counts as it is' })
            .option('bins', {
              type: 'number',
              describe: 'Equal parts of the range: 20 of a histogram, 1000 that quantiles are exact to',
            })
            .option('quantiles', {
              type: 'number',
              array: true,
              default: [0.05, 0.25, 0.5, 0.75, 0.95],
              describe: 'Shares of all values',
            })
            .option('top', { type: 'number', default: 10, describe: 'Heavy hitters: most values shown' })
            .option('share', {
              type: 'number',
              default: 0.01,
              describe: 'Heavy hitters: the least share of all values',
            })
            .option('values-max', {
              type: 'number',
              default: 1000,
              describe: 'Most values of one device that count; fewer need less noise',
            })
            .option('epsilon', {
              type: 'number',
              describe: 'What the answer may spend of the task’s privacy budget, where it has one',
            })
            .option('key', {
              type: 'string',
              describe: 'The key of the task’s owner, which signs the question: devices answer nobody else',
              defaultDescription: '$STARLING_KEY, or ~/.starling/owner.key',
            })
            .example(
              '$0 analytics run digits --column digit --statistic heavy-hitters',
              'Which classes occur',
            )
            .example(
              '$0 analytics run pump --column pressure --statistic mean --minimum 0 --maximum 16',
              'Of all devices together',
            ),
        async (args) => {
          const { runAnalytics } = await import('../analytics.js');
          const { minimum, maximum, bins, epsilon, key } = args;
          done(await runAnalytics({ ...args, minimum, maximum, bins, epsilon, key }, terminal));
        },
      )
      .demandCommand(1, 'Say what to do: run.'),
  );
}
