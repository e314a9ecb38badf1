/** What `run` is told: by its options, the environment (`STARLING_AGENT_…`) and a YAML file, in this order. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import * as z from 'zod/mini';
import { AgentError } from '../errors.js';
import { isMissing } from '../state/atomic-file.js';

const positive = z.number().check(z.int(), z.minimum(1));

const fileSchema = z.strictObject({
  coordinator: z.optional(z.string()),
  state: z.optional(z.string()),
  examples: z.optional(z.record(z.string(), z.string())),
  deviceId: z.optional(z.string()),
  threads: z.optional(positive.check(z.maximum(256))),
  cacheMegabytes: z.optional(positive),
  logLevel: z.optional(z.enum(['debug', 'info', 'warn', 'error', 'silent'])),
});

export type Configuration = Readonly<z.infer<typeof fileSchema>>;

/** The options of the command line; those that were not given are undefined. */
export interface RunArguments extends Omit<Configuration, 'examples'> {
  readonly config?: string | undefined;
  /** Each `TASK=FOLDER`. */
  readonly examples?: readonly string[] | undefined;
}

export interface RunConfiguration extends Omit<Configuration, 'coordinator' | 'state' | 'examples'> {
  readonly coordinator: string;
  readonly state: string;
  readonly examples: ReadonlyMap<string, string>;
}

/** @throws AgentError `agent/configuration`, naming the option or the place in the file */
export async function readConfiguration(args: RunArguments): Promise<RunConfiguration> {
  const file = args.config === undefined ? {} : await readConfigurationFile(args.config);
  const given = new Map(Object.entries(file.examples ?? {}));
  for (const [task, folder] of (args.examples ?? []).map(parseTaskFolder)) {
    given.set(task, folder);
  }
  const { config: _config, examples: _examples, ...options } = args;
  const named = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const merged: Configuration = { ...file, ...named };
  if (merged.coordinator === undefined) {
    throw missing('the coordinator', '--coordinator host:port', 'coordinator');
  }
  if (!/^\S+:\d{1,5}$/.test(merged.coordinator)) {
    throw new AgentError(
      'agent/configuration',
      `${JSON.stringify(merged.coordinator)} is not an address; write host:port, such as localhost:7474.`,
    );
  }
  if (merged.state === undefined) {
    throw missing('the state directory', '--state DIR', 'state');
  }
  if (given.size === 0) {
    throw missing('the examples', '--examples TASK=FOLDER', 'examples');
  }
  return { ...merged, coordinator: merged.coordinator, state: merged.state, examples: given };
}

function missing(what: string, option: string, key: string): AgentError {
  return new AgentError(
    'agent/configuration',
    `It is not said where ${what === 'the examples' ? `${what} are` : `${what} is`}; give ${option}, or "${key}" in the configuration file.`,
  );
}

/** `TASK=FOLDER`. */
export function parseTaskFolder(text: string): readonly [task: string, folder: string] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) {
    throw new AgentError(
      'agent/configuration',
      `${JSON.stringify(text)} does not say which task has which folder; write --examples TASK=FOLDER.`,
    );
  }
  return [text.slice(0, at), resolve(text.slice(at + 1))];
}

async function readConfigurationFile(path: string): Promise<Configuration> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const why = isMissing(error) ? 'is not there' : 'cannot be read';
    throw new AgentError(
      'agent/configuration',
      `The configuration file ${path} ${why}; check --config.`,
      error,
    );
  }
  const parsed = fileSchema.safeParse(parseYaml(text, path) ?? {});
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`,
    );
    throw new AgentError(
      'agent/configuration',
      `The configuration file ${path} is not valid: ${faults.join('; ')}. It takes ${Object.keys(fileSchema.shape).join(', ')}.`,
    );
  }
  const folder = dirname(path);
  const { examples, state } = parsed.data;
  return {
    ...parsed.data,
    // Paths in a file are meant from where the file is.
    ...(state === undefined ? {} : { state: resolve(folder, state) }),
    ...(examples === undefined
      ? {}
      : {
          examples: Object.fromEntries(
            Object.entries(examples).map(([task, path]) => [task, resolve(folder, path)]),
          ),
        }),
  };
}

function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text);
  } catch (error) {
    const what = error instanceof YAMLParseError ? error.message : String(error);
    throw new AgentError('agent/configuration', `The configuration file ${path} is not YAML: ${what}`, error);
  }
}
