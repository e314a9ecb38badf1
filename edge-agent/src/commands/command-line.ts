/** Options, help, completion, and the one place where an error becomes a sentence and an exit code. */
import yargs from 'yargs';
import { AgentError } from '../errors.js';
import { agentVersion } from '../version.js';
import type { ServiceArguments } from './configuration.js';
import { exitCodes } from './exit-codes.js';

const epilogue = `Options of "run" may also come from the environment (STARLING_AGENT_COORDINATOR, …) or a YAML file.
Exit codes: 0 stopped as asked, 2 wrong options or state directory, 3 coordinator and agent do not fit, 4 examples break the contract, 5 the coordinator refused or does not answer, 1 anything else.`;

/** Options of what trains and of what only serves. */
const serviceOptions = {
  models: { type: 'string', describe: 'Folder of models to serve: NAME/VERSION/model.onnx' },
  http: { type: 'string', describe: 'Where to answer HTTP, host:port; 127.0.0.1:8080 unless told' },
  grpc: { type: 'string', describe: 'Where to answer gRPC, host:port; nowhere unless told' },
  'log-level': {
    choices: ['debug', 'info', 'warn', 'error', 'silent'] as const,
    describe: 'Least level to log',
  },
  config: { type: 'string', describe: 'YAML file with these options, in camelCase' },
} as const;

function serviceArguments({ models, http, grpc, logLevel, config }: ServiceArguments): ServiceArguments {
  return { models, http, grpc, logLevel, config };
}

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
          .options(serviceOptions)
          .example(
            '$0 run --coordinator localhost:7443 --state ./device-1 --examples digits=./digits',
            'Train the task "digits" on the examples in ./digits',
          )
          .example('$0 run --config /etc/starling-agent.yaml --json', 'As a service, with JSON logs'),
      async (argv) => {
        const { run } = await import('./run.js');
        const { coordinator, state, examples, deviceId, token, ownerKey, policy, telemetry } = argv;
        const { threads, cacheMegabytes, memoryMegabytes } = argv;
        const numbers = {
          threads: wholeNumber('threads', threads),
          cacheMegabytes: wholeNumber('cache-megabytes', cacheMegabytes),
          memoryMegabytes: wholeNumber('memory-megabytes', memoryMegabytes),
        };
        exitCode = await run(
          {
            ...{ coordinator, state, examples, deviceId, token, ownerKey, policy, telemetry },
            ...numbers,
            ...serviceArguments(argv),
          },
          argv.json,
        );
      },
    )
    .command(
      'serve',
      'Serve models through the Open Inference Protocol, without training',
      (command) =>
        command
          .options(serviceOptions)
          .option('state', { type: 'string', describe: 'Directory that examples are recorded into' })
          .example('$0 serve --models ./models', 'At http://127.0.0.1:8080/v2')
          .example('$0 serve --models ./models --http 127.0.0.1:0 --grpc 127.0.0.1:8081', 'Over gRPC too'),
      async (argv) => {
        const { serve } = await import('./serve.js');
        exitCode = await serve({ ...serviceArguments(argv), state: argv.state }, argv.json);
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
        .command(
          'stats <task>',
          'Count what this device has recorded, and why rows were refused',
          (stats) =>
            stats
              .positional('task', { type: 'string', demandOption: true, describe: 'Name of the task' })
              .option('state', { type: 'string', demandOption: true, describe: 'State directory' })
              .example('$0 examples stats vibration --state ./state', 'Counts by label and reason'),
          async (argv) => {
            const { exampleStatistics } = await import('./recorded-examples.js');
            exitCode = await exampleStatistics(argv.state, argv.task, argv.json);
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
            const { quarantinedRows } = await import('./recorded-examples.js');
            exitCode = await quarantinedRows(argv.state, argv.task, argv.most, argv.json);
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
            const { exportExamples } = await import('./recorded-examples.js');
            exitCode = await exportExamples(argv.state, argv.task, argv.contract);
          },
        )
        .demandCommand(1, 'Say what to do with the examples: check, stats, quarantine or export.'),
    )
    .command(
      'training <wish>',
      'Say whether this device trains, whatever its conditions',
      (command) =>
        command
          .positional('wish', {
            choices: ['auto', 'pause', 'allow'] as const,
            demandOption: true,
            describe:
              'auto: as configured; pause: not at all; allow: also on battery, under load, at any hour',
          })
          .option('state', { type: 'string', demandOption: true, describe: 'State directory given to "run"' })
          .example('$0 training pause --state ./device-1', 'At once, and until "auto" or "allow"'),
      async (argv) => {
        const { writeOverride } = await import('../conditions/override.js');
        await writeOverride(argv.state, argv.wish);
      },
    )
    .command(
      'doctor',
      'Check whether this device can do what it is configured for',
      (command) =>
        command
          .options(serviceOptions)
          .option('state', { type: 'string', describe: 'State directory' })
          .example('$0 doctor --config /etc/starling-agent.yaml', 'What is wrong, and what to do about it'),
      async (argv) => {
        const { doctor } = await import('./doctor.js');
        exitCode = await doctor({ ...serviceArguments(argv), state: argv.state }, argv.json);
      },
    )
    .command(
      'schema',
      'Print the JSON Schema of the configuration file',
      (command) => command.example('$0 schema > starling-agent.schema.json', 'For editors that check YAML'),
      async () => {
        const { configurationJsonSchema } = await import('../configuration/json-schema.js');
        process.stdout.write(`${JSON.stringify(configurationJsonSchema(), undefined, 2)}\n`);
      },
    )
    .command('drift', 'Tell what a model’s inputs should look like', (command) =>
      command
        .command(
          'reference <folder>',
          'Print the reference of a model from a folder of examples; it belongs beside the model as drift.json',
          (reference) =>
            reference
              .positional('folder', { type: 'string', demandOption: true, describe: 'Folder of examples' })
              .option('contract', { type: 'string', demandOption: true, describe: 'Feature contract' })
              .option('model', {
                type: 'string',
                demandOption: true,
                describe: 'ONNX model that gives the scores',
              })
              .example(
                '$0 drift reference ./digits --contract digits.json --model model.onnx > drift.json',
                'Then move it to models/NAME/VERSION',
              ),
          async (argv) => {
            const { driftReference } = await import('./drift-reference.js');
            exitCode = await driftReference(argv.folder, argv.contract, argv.model);
          },
        )
        .demandCommand(1, 'Say what to do: reference.'),
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
    .command(
      'releases',
      'Show which releases this device has, which serves, and why others do not',
      (command) =>
        command
          .option('state', { type: 'string', demandOption: true, describe: 'State directory given to "run"' })
          .example('$0 releases --state ./device-1', 'Slots, versions, and what was given up'),
      async (argv) => {
        const { releases } = await import('./releases.js');
        exitCode = await releases(argv.state, argv.json);
      },
    )
    .check((argv) => givenOnce(argv), true)
    .completion('completion', 'Print a completion script for the shell')
    .demandCommand(
      1,
      'Say what to do: enroll, run, serve, examples, training, drift, doctor, schema, status, releases or completion.',
    )
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
  const ours = error instanceof AgentError || (error instanceof Error && error.name === 'InferenceError');
  if (ours && 'code' in error) {
    return { code: String(error.code), message: error.message, exitCode: exitCodes.usage };
  }
  const message = error instanceof Error ? error.message : String(error);
  // By its name: this file loads no protocol, so that help and completion are quick.
  if (error instanceof Error && error.name === 'StarlingError' && 'code' in error && 'remedy' in error) {
    const sentences = `${message} ${error.remedy}`.trim();
    return { code: String(error.code), message: sentences, exitCode: exitCodes.refused };
  }
  return { code: 'agent/unexpected', message, exitCode: exitCodes.failed };
}
