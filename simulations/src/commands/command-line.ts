import yargs from 'yargs';
import { SimulationError } from '../errors.js';
import { version } from '../versions.js';
import { addComparing } from './definitions/comparing.js';
import { addHunting } from './definitions/hunting.js';
import { addLooking } from './definitions/looking.js';
import { addSimulating } from './definitions/simulating.js';
import { exitCodes, explain } from './explain.js';
import type { Terminal } from './terminal.js';

export { exitCodes } from './explain.js';

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
    });
  const hasBroken = (): void => {
    broke = true;
  };
  addSimulating(parser, terminal, hasBroken);
  addComparing(parser, terminal);
  addLooking(parser, terminal);
  addHunting(parser, terminal, hasBroken);
  parser
    .check((argv) => givenOnce(argv), true)
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
      // What yargs finds while it reads the line comes as an error of its own.
      if (error && error.name !== 'YError') throw error;
      throw new SimulationError(
        'simulation/usage',
        message.replaceAll('\n', ' '),
        'See "starling-sim --help", or --help after a command.',
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

/** Of what may be said again and again, everything counts. */
const repeatable: readonly string[] = ['_', 'vary', 'runs'];

/** An option that is given twice would come as a list. */
function givenOnce(argv: Readonly<Record<string, unknown>>): true {
  const twice = Object.keys(argv).find((name) => !repeatable.includes(name) && Array.isArray(argv[name]));
  if (twice === undefined) return true;
  const option = twice.length === 1 ? `-${twice}` : `--${twice}`;
  throw new SimulationError('simulation/usage', `${option} is given more than once.`, 'Leave one out.');
}
