import { createRequire } from 'node:module';
import yargs from 'yargs';
import { SimulationError } from '../errors.js';
import { exitCodes, explain } from './explain.js';
import { printLine, type Terminal } from './terminal.js';

export { exitCodes } from './explain.js';

const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string };

/** Runs one command line to its end and gives the exit code. Commands load when they run: help is quick. */
export async function runCommandLine(args: readonly string[], terminal: Terminal): Promise<number> {
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
          .conflicts('resume', 'output')
          .example('$0 run simulations/scenarios/mcmahan-2nn-iid.yaml', 'The founding paper, on 100 clients')
          .example('$0 run --resume runs/mcmahan-2nn-iid-1', 'Go on where it was stopped'),
      async ({ scenario, output, resume, workers, json }) => {
        checkWorkers(workers);
        const { runCommand } = await import('./run.js');
        await runCommand({ scenario, output, resume, workers, json }, terminal);
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
    .demandCommand(1, 'Say what to do: run or schema.')
    .strict()
    .recommendCommands()
    .version(version)
    .epilogue('Exit codes: 0 done, 1 unexpected, 2 wrong options, scenario or files, 130 interrupted.')
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
    return terminal.signal.aborted ? exitCodes.interrupted : exitCodes.done;
  } catch (error) {
    return explain(error, terminal, args.includes('--json'));
  }
}

function checkWorkers(workers: number | undefined): void {
  if (workers === undefined || (Number.isInteger(workers) && workers >= 1 && workers <= 1024)) return;
  throw new SimulationError('simulation/usage', '--workers must be a whole number from 1 to 1024.');
}
