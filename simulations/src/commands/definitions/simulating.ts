/** Commands for runs, and who works for them. */
import type { Terminal } from '../terminal.js';
import { checkWorkers, type Root, redisOf, redisOptions, runningOf, runningOptions } from './options.js';

export function addSimulating(parser: Root, terminal: Terminal, broke: () => void): void {
  parser.command(
    'run [scenario]',
    'Run a scenario',
    (command) =>
      command
        .positional('scenario', { type: 'string', describe: 'YAML file; see "starling-sim schema"' })
        .option('output', {
          alias: 'o',
          type: 'string',
          describe: 'Folder to write; runs/NAME-SEED unless told',
        })
        .option('resume', { type: 'string', describe: 'Folder of a run to go on with' })
        .options(runningOptions)
        .option('mode', {
          choices: ['fast', 'protocol'] as const,
          describe:
            "In place of the scenario's: protocol runs the real coordinator and agents in virtual time",
        })
        .conflicts('resume', ['scenario', 'output', 'mode'])
        .example('$0 run scenario.yaml --mode protocol', 'Through every message that real devices would send')
        .example('$0 run simulations/scenarios/mcmahan-2nn-iid.yaml', 'The founding paper, on 100 clients')
        .example('$0 run --resume runs/mcmahan-2nn-iid-1', 'Go on where it was stopped'),
    async ({ scenario, output, resume, mode, json, ...where }) => {
      const { runCommand } = await import('../run.js');
      await runCommand({ scenario, output, resume, mode, json, ...runningOf(where, terminal) }, terminal);
    },
  );
  parser.command(
    'worker',
    'Work for runs on other machines, which hand it out by way of Redis; come and go as you like',
    (command) =>
      command
        .options(redisOptions)
        .option('workers', { type: 'number', describe: 'Threads; as many as there are processors' })
        .example(
          '$0 worker --redis redis://10.0.0.5',
          'For every run that was started with the same --redis',
        ),
    async ({ redis, redisCa, workers, json }) => {
      checkWorkers(workers);
      const { workerCommand } = await import('../worker.js');
      await workerCommand({ redis: redisOf(redis, redisCa, terminal), workers, json }, terminal);
    },
  );
  parser.command(
    'hall',
    'Run a machine hall: motors, their sensors and gateways, and a coordinator, on this machine',
    (command) =>
      command
        .option('gateways', { type: 'number', default: 3, describe: 'Gateways, each an agent process' })
        .option('motors', { type: 'number', default: 3, describe: 'Motors of each gateway' })
        .option('minutes', { type: 'number', default: 2, describe: 'About how long it runs' })
        .option('rounds', { type: 'number', default: 12, describe: 'Rounds of training' })
        .option('seed', {
          type: 'number',
          default: 1,
          describe: 'Decides the motors and the first weights',
        })
        .option('folder', { type: 'string', describe: 'Where everything is kept; removed unless told' })
        .example('$0 hall', 'Three gateways, nine motors, two minutes')
        .example('$0 hall --gateways 6 --motors 4 --minutes 10 --folder hall', 'A larger one, kept'),
    async ({ gateways, motors, minutes, rounds, seed, folder, json }) => {
      const { runHall } = await import('../../hall/index.js');
      const { nothingLost } = await runHall(
        { gateways, motors, minutes, rounds, seed, folder, json },
        terminal,
      );
      if (!nothingLost) broke();
    },
  );
}
