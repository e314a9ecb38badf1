/** Options, help, completion, and the one place where an error becomes a sentence and an exit code. */
import yargs from 'yargs';
import { AgentError } from '../errors.js';
import { agentVersion } from '../version.js';
import { exitCodes } from './exit-codes.js';

const epilogue = `Options of "run" may also come from the environment (STARLING_AGENT_COORDINATOR, …) or a YAML file.
Exit codes: 0 stopped as asked, 2 wrong options or state directory, 3 coordinator and agent do not fit, 4 examples break the contract, 5 the coordinator refused or does not answer, 1 anything else.`;

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
          .option('token', { type: 'string', describe: 'Enrolls the device where it is not yet' })
          .option('owner-key', {
            type: 'string',
            describe: 'The only owner whose plans are obeyed; each task’s first one unless told',
          })
          .option('threads', { type: 'number', describe: 'Threads to train with; 1 unless told' })
          .option('cache-megabytes', {
            type: 'number',
            describe: 'Most megabytes of plans and checkpoints to keep',
          })
          .option('memory-megabytes', {
            type: 'number',
            describe: 'Most megabytes that training may take; plans that need more are refused',
          })
          .option('policy', {
            type: 'string',
            describe: 'YAML file with what this device demands of rounds, such as secure aggregation',
          })
          .option('telemetry', {
            type: 'boolean',
            describe:
              'Tell the coordinator of this device: metrics, warnings, events; --no-telemetry for nothing',
            defaultDescription: 'true',
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
        const {
          coordinator,
          state,
          examples,
          deviceId,
          token,
          ownerKey,
          policy,
          telemetry,
          threads,
          cacheMegabytes,
          memoryMegabytes,
          logLevel,
          config,
        } = argv;
        const numbers = {
          threads: wholeNumber('threads', threads),
          cacheMegabytes: wholeNumber('cache-megabytes', cacheMegabytes),
          memoryMegabytes: wholeNumber('memory-megabytes', memoryMegabytes),
        };
        exitCode = await run(
          {
            coordinator,
            state,
            examples,
            deviceId,
            token,
            ownerKey,
            ...numbers,
            policy,
            telemetry,
            logLevel,
            config,
          },
          argv.json,
        );
      },
    )
    .command(
      'enroll',
      'Make this device part of a fleet: its own key, certified for a token',
      (command) =>
        command
          .option('coordinator', {
            type: 'string',
            demandOption: true,
            describe: 'Address of the coordinator, host:port',
          })
          .option('token', {
            type: 'string',
            demandOption: true,
            describe: 'What "starling device token create" printed',
          })
          .option('state', {
            type: 'string',
            demandOption: true,
            describe: 'Directory for id, key and certificate; the one that "run" is given',
          })
          .option('device-id', { type: 'string', describe: 'Name of this device; a random one unless told' })
          .example('$0 enroll --coordinator localhost:7443 --state ./device-1 --token starling1.…', 'Once'),
      async (argv) => {
        const { enroll } = await import('./enroll.js');
        exitCode = await enroll({ ...argv, deviceId: argv.deviceId }, argv.json);
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
    .demandCommand(1, 'Say what to do: enroll, run, examples, status or completion.')
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
  const { code, message, exitCode } = describe(error);
  process.stderr.write(json ? `${JSON.stringify({ error: code, message })}\n` : `${message}\n`);
  return exitCode;
}

function describe(error: unknown): { code: string; message: string; exitCode: number } {
  if (error instanceof AgentError) {
    return { code: error.code, message: error.message, exitCode: exitCodes.usage };
  }
  const message = error instanceof Error ? error.message : String(error);
  // By its name: this file loads no protocol, so that help and completion are quick.
  if (error instanceof Error && error.name === 'StarlingError' && 'code' in error && 'remedy' in error) {
    const sentences = `${message} ${error.remedy}`.trim();
    return { code: String(error.code), message: sentences, exitCode: exitCodes.refused };
  }
  return { code: 'agent/unexpected', message, exitCode: exitCodes.failed };
}
