/** Options, help, completion, and the one place where an error becomes a sentence and an exit code. */
import yargs from 'yargs';
import { AgentError } from '../errors.js';
import { agentVersion } from '../version.js';
import { addDoctor } from './definitions/doctor.js';
import { addDrift } from './definitions/drift.js';
import { addEnroll } from './definitions/enroll.js';
import { addExamples } from './definitions/examples.js';
import { addReleases } from './definitions/releases.js';
import { addRun } from './definitions/run.js';
import { addSchema } from './definitions/schema.js';
import { addServe } from './definitions/serve.js';
import { addStatus } from './definitions/status.js';
import { addTraining } from './definitions/training.js';
import { exitCodes } from './exit-codes.js';

const epilogue = `Options of "run" may also come from the environment (STARLING_AGENT_COORDINATOR, …) or a YAML file.
Exit codes: 0 stopped as asked, 2 wrong options or state directory, 3 coordinator and agent do not fit, 4 examples break the contract, 5 the coordinator refused or does not answer, 1 anything else.`;

/** Runs one command line to its end and gives the exit code. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  let json = args.includes('--json');
  let exitCode: number = exitCodes.done;
  const done = (code: number): void => {
    exitCode = code;
  };
  const parser = yargs([...args])
    .scriptName('starling-agent')
    .usage('$0 <command>\n\nTrains on the examples of this device, which never leave it.')
    .env('STARLING_AGENT_')
    .option('json', {
      type: 'boolean',
      default: false,
      global: true,
      describe: 'Print JSON: one object a line',
    });
  addRun(parser, done);
  addServe(parser, done);
  addEnroll(parser, done);
  addExamples(parser, done);
  addTraining(parser);
  addDoctor(parser, done);
  addSchema(parser);
  addDrift(parser, done);
  addStatus(parser, done);
  addReleases(parser, done);
  parser
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
      // What yargs finds while it reads the line comes as an error of its own.
      if (error && error.name !== 'YError') throw error;
      throw new AgentError('agent/configuration', `${message} Try "starling-agent --help".`);
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
