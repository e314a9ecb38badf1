/** What `run` is told: by its options, the environment (`STARLING_AGENT_…`) and a YAML file, in this order. */
import { resolve } from 'node:path';
import { isAddress } from '@starling/proto';
import { AgentError } from '../errors.js';
import type { Configuration } from './configuration-file.js';

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

/** YAML and its schema are loaded only where there is a file: they are a sixth of a waiting agent's memory. */
async function readFile(path: string): Promise<Configuration> {
  const { readConfigurationFile } = await import('./configuration-file.js');
  return readConfigurationFile(path);
}

/** @throws AgentError `agent/configuration`, naming the option or the place in the file */
export async function readConfiguration(args: RunArguments): Promise<RunConfiguration> {
  const file = args.config === undefined ? {} : await readFile(args.config);
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
  if (!isAddress(merged.coordinator)) {
    throw new AgentError(
      'agent/configuration',
      `${JSON.stringify(merged.coordinator)} is not an address; write host:port, such as localhost:7443.`,
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
