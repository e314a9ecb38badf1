/** Options, help, completion, and the one place where an error becomes a sentence and an exit code. */
import yargs from 'yargs';
import { AgentError } from '../errors.js';
import { agentVersion } from '../version.js';
import { exitCodes } from './exit-codes.js';

const epilogue = `Options of "run" may also come from the environment (STARLING_AGENT_COORDINATOR, …) or a YAML file.
Exit codes: 0 stopped as asked, 2 wrong options or state directory, 3 coordinator and agent do not fit, 4 examples break the contract, 1 anything else.`;

/** Runs one command line to its end and gives the exit code. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let json = args.includes('--json');
  let exitCode: number = exitCodes.done;
  const parser = yargs([...args])
    .scriptName('starling-agent')
    .usage('$0 <command>\n\nTrains on the examples of this device, which never leave it.')
    .env('STARLING_AGENT_')
    .option('json', {
      type: 'boolean',
      default: false,
      global: true,
      describe: 'Print JSON: one object a line',
    })
    .command(
      'run',
      'Connect to a coordinator and take part in rounds until stopped',
      (command) =>
        command
          .option('coordinator', { type: 'string', describe: 'Address of the coordinator, host:port' })
          .option('state', { type: 'string', describe: 'Directory for id, downloads and finished updates' })
          .option('examples', {
            type: 'string',
            array: true,
            nargs: 1,
            describe: 'TASK=FOLDER, once for each task this device has examples for',
          })
          .option('device-id', { type: 'string', describe: 'Name of this device, chosen at its first start' })
          .option('threads', { type: 'number', describe: 'Threads to train with; 1 unless told' })
          .option('cache-megabytes', {
            type: 'number',
            describe: 'Most megabytes of plans and checkpoints to keep',
          })
          .option('log-level', {
            choices: ['debug', 'info', 'warn', 'error', 'silent'] as const,
            describe: 'Least level to log',
          })
          .option('config', { type: 'string', describe: 'YAML file with these options, in camelCase' })
          .example(
            '$0 run --coordinator localhost:7443 --state ./device-1 --examples digits=./digits',
            'Train the task "digits" on the examples in ./digits',
          )
          .example('$0 run --config /etc/starling-agent.yaml --json', 'As a service, with JSON logs'),
      async (argv) => {
        const { run } = await import('./run.js');
        const { coordinator, state, examples, deviceId, threads, cacheMegabytes, logLevel, config } = argv;
        const numbers = {
          threads: wholeNumber('threads', threads),
          cacheMegabytes: wholeNumber('cache-megabytes', cacheMegabytes),
        };
        exitCode = await run(
          { coordinator, state, examples, deviceId, ...numbers, logLevel, config },
          argv.json,
        );
      },
    )
    .command('examples', 'Look after local examples', (command) =>
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
            const { checkExamples } = await import('./check-examples.js');
            exitCode = await checkExamples(argv.folder, argv.contract, argv.json);
          },
        )
        .demandCommand(1, 'Say what to do with the examples: "check".'),
    )
    .command(
      'status',
      'Show what a state directory holds',
      (command) =>
        command
          .option('state', { type: 'string', demandOption: true, describe: 'State directory given to "run"' })
          .example('$0 status --state ./device-1', 'Device id, agent process, waiting update'),
      async (argv) => {
        const { status } = await import('./status.js');
        exitCode = await status(argv.state, argv.json);
      },
    )
    .check((argv) => givenOnce(argv), true)
    .completion('completion', 'Print a completion script for the shell')
    .demandCommand(1, 'Say what to do: run, examples, status or completion.')
    .strict()
    .recommendCommands()
    .version(agentVersion())
    .epilogue(epilogue)
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? new AgentError('agent/configuration', `${message} Try "starling-agent --help".`);
    });
  try {
    json = (await parser.parseAsync()).json ?? json;
    return exitCode;
  } catch (error) {
    return explain(error, json);
  }
}

/** An option that is given twice would come as a list. */
function givenOnce(argv: Readonly<Record<string, unknown>>): true {
  const twice = Object.keys(argv).find(
    (name) => !['_', 'examples'].includes(name) && Array.isArray(argv[name]),
  );
  if (twice !== undefined) {
    throw new AgentError('agent/configuration', `--${twice} is given more than once; give it once.`);
  }
  return true;
}

function wholeNumber(option: string, value: number | undefined): number | undefined {
  if (value !== undefined && !(Number.isInteger(value) && value >= 1)) {
    throw new AgentError('agent/configuration', `--${option} must be a whole number of at least 1.`);
  }
  return value;
}

function explain(error: unknown, json: boolean): number {
  const known = error instanceof AgentError;
  const code = known ? error.code : 'agent/unexpected';
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(json ? `${JSON.stringify({ error: code, message })}\n` : `${message}\n`);
  return known ? exitCodes.usage : exitCodes.failed;
}
