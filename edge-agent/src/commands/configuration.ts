/** What `run` is told: by its options, the environment (`STARLING_AGENT_…`) and a YAML file, in this order. */
import { resolve } from 'node:path';
import type { Configuration } from '../configuration/sections.js';
import { AgentError } from '../errors.js';
import type { BrokerSettings } from '../sensor-broker/index.js';
import type { ServicesOptions, ServingConfiguration } from '../services.js';

/** Options that `serve` and `run` share. */
export interface ServiceArguments {
  readonly config?: string | undefined;
  readonly logLevel?: Configuration['logLevel'];
  readonly state?: string | undefined;
  readonly models?: string | undefined;
  readonly http?: string | undefined;
  readonly grpc?: string | undefined;
}

/** The options of the command line; those that were not given are undefined. */
export interface RunArguments
  extends Omit<Configuration, 'examples' | 'inference' | 'ingestion' | 'drift' | 'releases'>,
    ServiceArguments {
  /** Each `TASK=FOLDER`. */
  readonly examples?: readonly string[] | undefined;
}

export type ServicesConfiguration = Pick<ServicesOptions, 'inference' | 'ingestion' | 'drift' | 'releases'>;

export interface RunConfiguration
  extends Omit<
    Configuration,
    'coordinator' | 'state' | 'examples' | 'inference' | 'ingestion' | 'drift' | 'releases'
  > {
  readonly services: ServicesConfiguration;
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
  const { config: _config, examples: _examples, models, http, grpc, ...options } = args;
  const named = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const merged: Configuration = { ...file, ...named };
  const coordinator = await checkedCoordinator(merged.coordinator);
  const state = checkedState(merged.state);
  const { inference, ingestion, drift, releases, ...rest } = merged;
  const served = servicesOf({ models, http, grpc }, inference, ingestion);
  const released = releasesOf(releases, served.inference !== undefined);
  // Who trains nothing may still serve what is released.
  if (given.size === 0 && ingestion === undefined && released.releases === undefined) {
    throw missing('the examples', '--examples TASK=FOLDER', 'examples');
  }
  return {
    ...rest,
    coordinator,
    state,
    examples: given,
    services: {
      ...served,
      ...ingestionOf(ingestion),
      ...driftOf(drift),
      ...released,
    },
  };
}

async function checkedCoordinator(address: string | undefined): Promise<string> {
  if (address === undefined) throw missing('the coordinator', '--coordinator host:port', 'coordinator');
  // With it comes gRPC, which who only serves does not need.
  const { isAddress } = await import('@starling/proto');
  if (isAddress(address)) return address;
  throw new AgentError(
    'agent/configuration',
    `${JSON.stringify(address.slice(0, 80))} is not an address of the coordinator; write host:port, such as localhost:7443, with --coordinator or as "coordinator" in the configuration file.`,
  );
}

function checkedState(folder: string | undefined): string {
  if (folder !== undefined) return folder;
  throw missing('the state directory', '--state DIR', 'state');
}

/** What `serve` is told. @throws AgentError `agent/configuration` */
export async function readServices(
  args: ServiceArguments,
): Promise<ServicesConfiguration & Pick<Configuration, 'logLevel' | 'state' | 'deviceId'>> {
  const file = args.config === undefined ? {} : await readFile(args.config);
  const services = {
    ...servicesOf(args, file.inference, file.ingestion),
    ...ingestionOf(file.ingestion),
    ...driftOf(file.drift),
  };
  const { ingestion, inference } = services;
  if (inference === undefined && ingestion === undefined) {
    throw missing('the models', '--models DIR', 'inference.models');
  }
  const state = args.state ?? file.state;
  if (ingestion !== undefined) checkedState(state);
  return { ...services, state, deviceId: file.deviceId, logLevel: args.logLevel ?? file.logLevel };
}

/**
 * What the file says, however the agent is started: as `run` takes it where there is a coordinator, as `serve` otherwise.
 * Where something is wrong, the rest of it is told nevertheless.
 */
export async function examineConfiguration(
  args: ServiceArguments,
): Promise<ServicesConfiguration & Pick<Configuration, 'state'> & { readonly problems: readonly string[] }> {
  const problems = new Set<string>();
  const attempt = async <T>(read: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      problems.add(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };
  const file = await attempt<Configuration>(() => (args.config === undefined ? {} : readFile(args.config)));
  if (file === undefined) return { problems: [...problems], state: args.state };
  const served = await attempt(() => servicesOf(args, file.inference, file.ingestion));
  const recorded = await attempt(() => ingestionOf(file.ingestion));
  const runs = file.coordinator !== undefined;
  const isServing = served?.inference !== undefined;
  const released = runs && served ? await attempt(() => releasesOf(file.releases, isServing)) : undefined;
  const state = args.state ?? file.state;
  if (runs) await attempt(() => checkedCoordinator(file.coordinator));
  if (runs || recorded !== undefined) await attempt(() => checkedState(state));
  // As if both were there: what is wrong beside them is looked for.
  const rest = { ...args, state: state ?? '.' };
  await attempt<object>(() =>
    runs ? readConfiguration({ ...rest, coordinator: httpDefault }) : readServices(rest),
  );
  return {
    ...served,
    ...recorded,
    ...released,
    state,
    problems: [...problems],
  };
}

/** Where `serve` listens when nobody says: on this machine only, for there is no TLS and nobody shows who they are. */
const httpDefault = '127.0.0.1:8080';

function servicesOf(
  { models, http, grpc }: Pick<ServiceArguments, 'models' | 'http' | 'grpc'>,
  file: Configuration['inference'],
  ingestion: Configuration['ingestion'],
): ServicesConfiguration {
  const folder = models ?? file?.models;
  if (folder === undefined) {
    if (http !== undefined || grpc !== undefined)
      throw missing('the models', '--models DIR', 'inference.models');
    return {};
  }
  const {
    models: _models,
    http: _http,
    grpc: _grpc,
    bodyMegabytesMax,
    mqtt,
    results,
    broker,
    ...settings
  } = file ?? {};
  const grpcAddress = checkedAddress(grpc ?? file?.grpc, 'grpc');
  const httpAddress = checkedAddress(http ?? file?.http, 'http');
  const inference: ServingConfiguration = {
    models: resolve(folder),
    http:
      httpAddress ??
      (grpcAddress === undefined && mqtt === undefined && results === undefined ? httpDefault : undefined),
    grpc: grpcAddress,
    mqtt: mqtt && { questions: mqtt, broker: sensorBroker(broker, ingestion, 'questions') },
    results: results && {
      results: results.map((one) => recorded(one, ingestion)),
      broker: sensorBroker(broker, ingestion, 'results'),
    },
    settings: Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)),
    bodyBytesMax: bodyMegabytesMax === undefined ? undefined : bodyMegabytesMax * 1_000_000,
  };
  return { inference };
}

function recorded<One extends { readonly recording: string }>(
  one: One,
  ingestion: Configuration['ingestion'],
): One {
  const names = Object.keys(ingestion?.recordings ?? {});
  if (names.includes(one.recording)) return one;
  throw new AgentError(
    'agent/configuration',
    `"inference.results" names the recording ${JSON.stringify(one.recording.slice(0, 80))}; "ingestion.recordings" has ${names.join(', ') || 'none'}.`,
  );
}

function sensorBroker(
  own: BrokerSettings | undefined,
  ingestion: Configuration['ingestion'],
  what: 'questions' | 'results',
): BrokerSettings {
  if (own !== undefined) return { ...own, key: 'inference.broker' };
  if (ingestion?.broker !== undefined) return { ...ingestion.broker, key: 'ingestion.broker' };
  throw new AgentError(
    'agent/configuration',
    `There are ${what} over MQTT but no broker; say "inference.broker.url" in the configuration file.`,
  );
}

/** On where models are served: without a root at the coordinator, nothing comes of it. */
function releasesOf(
  file: Configuration['releases'],
  isServing: boolean,
): Pick<ServicesConfiguration, 'releases'> {
  if (file === false || (file === undefined && !isServing)) return {};
  if (!isServing) {
    throw new AgentError(
      'agent/configuration',
      'There is a key "releases" but nothing is served; say "inference.models" (the folder may be empty).',
    );
  }
  return { releases: typeof file === 'object' ? file : {} };
}

function driftOf(file: Configuration['drift']): Pick<ServicesConfiguration, 'drift'> {
  if (file === undefined) return {};
  return { drift: Object.fromEntries(Object.entries(file).filter(([, value]) => value !== undefined)) };
}

function ingestionOf(file: Configuration['ingestion']): Pick<ServicesConfiguration, 'ingestion'> {
  if (file === undefined) return {};
  const { recordings, broker, ...rest } = file;
  const subscribing = Object.keys(recordings).find((task) => recordings[task].mqtt !== undefined);
  if (subscribing !== undefined && broker === undefined) {
    throw new AgentError(
      'agent/configuration',
      `"ingestion.recordings.${subscribing}.mqtt" has topics but there is no broker; say "ingestion.broker.url" in the configuration file.`,
    );
  }
  return {
    ingestion: {
      ...rest,
      ...(broker === undefined ? {} : { broker: { ...broker, key: 'ingestion.broker' } }),
      recordings: new Map(Object.entries(recordings)),
    },
  };
}

function checkedAddress(address: string | undefined, option: string): string | undefined {
  const [, port] = /^.+:(\d{1,5})$/.exec(address ?? '') ?? [];
  if (address === undefined || Number(port) <= 65_535) return address;
  throw new AgentError(
    'agent/configuration',
    `${JSON.stringify(address.slice(0, 80))} is not an address for --${option}; write host:port, such as ${httpDefault}.`,
  );
}

function missing(what: string, option: string, key: string): AgentError {
  return new AgentError(
    'agent/configuration',
    `It is not said where ${what.endsWith('s') ? `${what} are` : `${what} is`}; give ${option}, or "${key}" in the configuration file.`,
  );
}

/** `TASK=FOLDER`. */
export function parseTaskFolder(text: string): readonly [task: string, folder: string] {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1) {
    throw new AgentError(
      'agent/configuration',
      `${JSON.stringify(text.slice(0, 80))} does not say which task has which folder; write --examples TASK=FOLDER.`,
    );
  }
  return [text.slice(0, at), resolve(text.slice(at + 1))];
}
