import { createRequire } from 'node:module';
import yargs from 'yargs';
import { SimulationError } from '../errors.js';
import type { RedisSettings } from '../queue/index.js';
import { exitCodes, explain } from './explain.js';
import { printLine, type Terminal } from './terminal.js';

export { exitCodes } from './explain.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string };

/** Runs one command line to its end and gives the exit code. Commands load when they run: help is quick. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
  /** Whether faults broke a rule. */
  let broke = false;
  const parser = yargs([...args])
    .scriptName('starling-sim')
    .usage(
      '$0 <command>\n\nSimulates a fleet that learns together: any number of virtual devices on this machine.',
    )
    .option('json', {
      type: 'boolean',
      default: false,
      global: true,
      describe: 'Print JSON: one object a line',
    })
    .command(
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
          .option('workers', { type: 'number', describe: 'Threads; the result does not depend on it' })
          .options(redisOptions)
          .option('mode', {
            choices: ['fast', 'protocol'] as const,
            describe:
              "In place of the scenario's: protocol runs the real coordinator and agents in virtual time",
          })
          .conflicts('resume', ['output', 'mode'])
          .example(
            '$0 run scenario.yaml --mode protocol',
            'Through every message that real devices would send',
          )
          .example('$0 run simulations/scenarios/mcmahan-2nn-iid.yaml', 'The founding paper, on 100 clients')
          .example('$0 run --resume runs/mcmahan-2nn-iid-1', 'Go on where it was stopped'),
      async ({ scenario, output, resume, workers, mode, redis, redisCa, json }) => {
        checkWorkers(workers);
        const { runCommand } = await import('./run.js');
        const queue = redisOf(redis, redisCa, terminal);
        await runCommand({ scenario, output, resume, workers, queue, mode, json }, terminal);
      },
    )
    .command(
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
        const { workerCommand } = await import('./worker.js');
        await workerCommand({ redis: redisOf(redis, redisCa, terminal), workers, json }, terminal);
      },
    )
    .command(
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
        const { runHall } = await import('../hall/index.js');
        const { nothingLost } = await runHall(
          { gateways, motors, minutes, rounds, seed, folder, json },
          terminal,
        );
        if (!nothingLost) broke = true;
      },
    )
    .command(
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
          .option('workers', { type: 'number', describe: 'Threads; the result does not depend on it' })
          .example(
            '$0 sweep scenario.yaml --vary training.learningRate=0.03,0.1,0.3 --vary seed=1,2',
            'A grid',
          ),
      async (args) => {
        checkWorkers(args.workers);
        if (args.halving !== undefined && !(args.halving > 1)) {
          throw new SimulationError('simulation/usage', '--halving must be above 1, for instance 3.');
        }
        const { sweepCommand } = await import('./sweep.js');
        await sweepCommand(
          { ...args, random: args.random, halving: args.halving, output: args.output, workers: args.workers },
          terminal,
        );
      },
    )
    .command(
      'compare <runs..>',
      'Compare runs in a table',
      (command) =>
        command
          .positional('runs', {
            type: 'string',
            array: true,
            demandOption: true,
            describe: 'Folders of runs',
          })
          .example('$0 compare runs/fedavg-1 runs/scaffold-1', 'Two strategies'),
      async ({ runs, json }) => {
        const { compareCommand } = await import('./report.js');
        await compareCommand({ runs, output: undefined, json }, terminal);
      },
    )
    .command(
      'report <runs..>',
      'Write an HTML report that needs no network',
      (command) =>
        command
          .positional('runs', {
            type: 'string',
            array: true,
            demandOption: true,
            describe: 'Folders of runs',
          })
          .option('output', {
            alias: 'o',
            type: 'string',
            describe: 'File to write; report.html in the folder of a single run unless told',
          })
          .example('$0 report runs/fedavg-1 runs/scaffold-1 -o both.html', 'Two runs on one page'),
      async ({ runs, output, json }) => {
        const { reportCommand } = await import('./report.js');
        await reportCommand({ runs, output, json }, terminal);
      },
    )
    .command(
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
          .example('$0 export runs/fedavg-1 --format tensorboard', 'Then: tensorboard --logdir runs'),
      async ({ run, format, output, json }) => {
        const { exportCommand } = await import('./export.js');
        await exportCommand({ run, format, output, json }, terminal);
      },
    )
    .command(
      'partition <scenario>',
      'Show who would hold what',
      (command) =>
        command
          .positional('scenario', { type: 'string', demandOption: true, describe: 'YAML file' })
          .option('show', { type: 'boolean', default: true, describe: 'Draw it' })
          .option('clients', { type: 'number', default: 40, describe: 'Most clients that are drawn' })
          .example('$0 partition --show scenario.yaml', 'A row a client, a column a class'),
      async ({ scenario, clients, json }) => {
        const { partitionCommand } = await import('./partition.js');
        await partitionCommand({ scenario, clients, json }, terminal);
      },
    )
    .command(
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
          .option('write', { type: 'string', describe: 'Markdown file to write the table to' })
          .option('workers', { type: 'number', describe: 'Threads; the result does not depend on it' })
          .example(
            '$0 reproduce simulations/scenarios/reproductions.yaml --only 2nn',
            'The 2NN of the founding paper',
          ),
      async (args) => {
        checkWorkers(args.workers);
        const { reproduceCommand } = await import('./reproduce.js');
        await reproduceCommand(
          { ...args, only: args.only, write: args.write, workers: args.workers },
          terminal,
        );
      },
    )
    .command(
      'faults',
      'Hunt for bugs: the real coordinator and agents under injected faults, in virtual time',
      (command) =>
        command
          .option('seeds', { type: 'number', default: 100, describe: 'How many seeds' })
          .option('seed', { type: 'number', default: 1, describe: 'The first seed' })
          .option('minutes', { type: 'number', describe: 'End after so long, whatever is left' })
          .option('only', { type: 'string', describe: 'Of --seed, only the operations at these places: 0,3' })
          .option('mutations', {
            type: 'string',
            describe:
              'Put deliberate bugs into the protocol, one at a time, and say which seed finds each; or only NAME,NAME',
          })
          .option('workers', { type: 'number', describe: 'Processes; what is found does not depend on it' })
          .example('$0 faults --seeds 1000', 'A thousand seeds; a failing one prints how to replay it')
          .example('$0 faults --seed 7 --only 0,3', 'Two of the operations of seed 7'),
      async (args) => {
        checkWorkers(args.workers);
        const { faultsCommand, mutationsCommand } = await import('./faults.js');
        const { minutes, only, workers } = args;
        const hunt = { ...args, minutes, only, workers };
        broke = !(await (args.mutations === undefined
          ? faultsCommand(hunt, terminal)
          : mutationsCommand(hunt, args.mutations, terminal)));
      },
    )
    .command(
      'schema',
      'Print the JSON Schema of scenarios, for editors',
      (command) => command,
      async () => {
        const { scenarioJsonSchema } = await import('../scenario/index.js');
        printLine(terminal, JSON.stringify(scenarioJsonSchema(), undefined, 2));
      },
    )
    .demandCommand(
      1,
      'Say what to do: run, worker, hall, sweep, compare, report, export, partition, reproduce, faults or schema.',
    )
    .strict()
    .recommendCommands()
    .version(version)
    .epilogue(
      'Exit codes: 0 done, 1 unexpected or a rule that faults broke, 2 wrong options, scenario or files, 130 interrupted.',
    )
    .wrap(Math.min(110, terminal.err.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      throw (
        error ??
        new SimulationError(
          'simulation/usage',
          message.replaceAll('\n', ' '),
          'See "starling-sim --help", or --help after a command.',
        )
      );
    });
  try {
    await parser.parseAsync();
    if (broke) return exitCodes.failed;
    return terminal.signal.aborted ? exitCodes.interrupted : exitCodes.done;
  } catch (error) {
    return explain(error, terminal, args.includes('--json'));
  }
}

const redisOptions = {
  redis: {
    type: 'string',
    describe:
      'Redis that hands work to "starling-sim worker" processes: redis://HOST, rediss:// for TLS; or STARLING_REDIS',
  },
  'redis-ca': { type: 'string', describe: "PEM file of the authority of Redis' certificate" },
} as const;

/** The option, or what the environment says, which shows in no list of processes. */
function redisOf(
  redis: string | undefined,
  ca: string | undefined,
  { env }: Terminal,
): RedisSettings | undefined {
  const url = redis ?? env.STARLING_REDIS;
  if (url !== undefined && url !== '') return { url, ...(ca === undefined ? {} : { ca }) };
  if (ca === undefined) return undefined;
  throw new SimulationError(
    'simulation/usage',
    '--redis-ca needs --redis.',
    'For instance --redis rediss://HOST.',
  );
}

function checkWorkers(workers: number | undefined): void {
  if (workers === undefined || (Number.isInteger(workers) && workers >= 1 && workers <= 1024)) return;
  throw new SimulationError('simulation/usage', '--workers must be a whole number from 1 to 1024.');
}
