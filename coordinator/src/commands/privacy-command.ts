/** The options of `starling privacy`; the work is in privacy.ts, loaded when it runs. */
import type { Argv } from 'yargs';
import { clientOptions } from './connection.js';
import type { Terminal } from './terminal.js';

/** Adds `privacy` and its commands. All but `ledger` ask no coordinator: everything is computed here. */
export function addPrivacy(parser: Argv<{ json: boolean }>, terminal: Terminal): void {
  parser.command('privacy', 'What noise costs and buys: ε, δ and how to choose them', (privacy) =>
    privacy
      .command(
        'epsilon',
        'Compute the ε that so many rounds with so much noise spend',
        (command) =>
          shared(command)
            .option('noise', {
              type: 'number',
              demandOption: true,
              describe: 'Noise multiplier: standard deviation of the noise in the sum / L2 sensitivity',
            })
            .example('$0 privacy epsilon --noise 1.1 --sampling 0.01 --rounds 2000 --delta 1e-5', 'By RDP')
            .example(
              '$0 privacy epsilon --noise 4 --rounds 100 --delta 1e-6 --accountant pld',
              'Everyone, every round',
            )
            .example(
              '$0 privacy epsilon --mechanism skellam --l2 500 --dimension 20000 --noise 2 --rounds 50 --delta 1e-6',
              'Noise that devices add',
            ),
        async (args) => {
          const { showEpsilon } = await import('./privacy.js');
          showEpsilon(args, terminal);
        },
      )
      .command(
        'calibrate',
        'Find the least noise that keeps so many rounds within ε',
        (command) =>
          shared(command)
            .option('epsilon', {
              type: 'number',
              demandOption: true,
              describe: 'ε that all rounds may spend',
            })
            .example('$0 privacy calibrate --epsilon 8 --delta 1e-5 --rounds 100 --sampling 0.1', 'By RDP')
            .example(
              '$0 privacy calibrate --epsilon 8 --delta 1e-5 --rounds 100 --sampling 0.1 --accountant pld',
              'Less noise, for the same promise',
            ),
        async (args) => {
          const { showCalibration } = await import('./privacy.js');
          showCalibration(args, terminal);
        },
      )
      .command(
        'ledger <task>',
        'Show what a task has spent of its privacy budget, and for which rounds',
        (command) =>
          command
            .options(clientOptions(terminal))
            .positional('task', { type: 'string', demandOption: true, describe: 'The task' })
            .example('$0 privacy ledger digits', 'Spent, left, and every round that was paid for'),
        async (args) => {
          const { showLedger } = await import('./privacy-ledger.js');
          await showLedger(args.task, args, terminal);
        },
      )
      .demandCommand(1, 'Say what to do: epsilon, calibrate or ledger.'),
  );
}

function shared(command: Argv<{ json: boolean }>) {
  return command
    .option('mechanism', {
      choices: ['gaussian', 'discrete-gaussian', 'skellam'] as const,
      default: 'gaussian' as const,
      describe: 'Kind of noise',
    })
    .option('sampling', {
      type: 'number',
      default: 1,
      describe: 'Probability with which a participant is in a round; 1 for everyone',
    })
    .option('scheme', {
      choices: ['poisson', 'fixed-size'] as const,
      default: 'poisson' as const,
      describe: 'Who is in a round: each by a coin of its own, or a cohort of known size without replacement',
    })
    .option('rounds', { type: 'number', demandOption: true, describe: 'Number of rounds' })
    .option('delta', {
      type: 'number',
      demandOption: true,
      describe: 'δ; well below 1 / (number of participants)',
    })
    .option('accountant', {
      choices: ['rdp', 'pld'] as const,
      default: 'rdp' as const,
      describe: 'How losses add up: rdp for all kinds of noise, pld is tighter and for gaussian only',
    })
    .option('l2', {
      type: 'number',
      describe: 'Discrete noise: largest L2 norm of a device’s integer vector',
    })
    .option('l1', {
      type: 'number',
      describe: 'Discrete noise: largest L1 norm; min(√dimension·l2, l2²) unless told',
    })
    .option('dimension', { type: 'number', describe: 'Discrete noise: length of the vector' })
    .option('devices', {
      type: 'number',
      default: 1,
      describe: 'Discrete Gaussian: how many devices’ noise is in the sum at the least',
    });
}
