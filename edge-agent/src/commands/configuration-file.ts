/** The YAML file of `run` and `serve`. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import { type Configuration, configurationSchema } from '../configuration/sections.js';
import { AgentError } from '../errors.js';
import { isMissing } from '../state/atomic-file.js';

/** Far beyond any configuration, in characters: what is longer is another file. */
const lengthMax = 1 << 20;

/** @throws AgentError `agent/configuration`, naming the place in the file */
export async function readConfigurationFile(path: string): Promise<Configuration> {
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
  if (text.length > lengthMax) {
    throw new AgentError(
      'agent/configuration',
      `The configuration file ${path} has ${text.length} characters; at most ${lengthMax} are read. Check --config.`,
    );
  }
  const parsed = configurationSchema.safeParse(parseYaml(text, path) ?? {});
  if (!parsed.success) {
    const faults = parsed.error.issues.map(
      (issue) => `${issue.path.join('.') || 'the file'}: ${issue.message}`,
    );
    throw new AgentError(
      'agent/configuration',
      `The configuration file ${path} is not valid: ${faults.join('; ')}. It takes ${Object.keys(configurationSchema.shape).join(', ')}.`,
    );
  }
  const folder = dirname(path);
  const { examples, state, policy, inference, ingestion, releases } = parsed.data;
  return {
    ...parsed.data,
    // Paths in a file are meant from where the file is.
    ...(state === undefined ? {} : { state: resolve(folder, state) }),
    ...(policy === undefined ? {} : { policy: resolve(folder, policy) }),
    ...(inference === undefined
      ? {}
      : {
          inference: {
            ...inference,
            models: resolve(folder, inference.models),
            ...resolveBroker(folder, inference.broker),
          },
        }),
    ...(typeof releases === 'object' && releases.root !== undefined
      ? { releases: { ...releases, root: resolve(folder, releases.root) } }
      : {}),
    ...(ingestion === undefined ? {} : { ingestion: resolveIngestion(folder, ingestion) }),
    ...(examples === undefined
      ? {}
      : {
          examples: Object.fromEntries(
            Object.entries(examples).map(([task, path]) => [task, resolve(folder, path)]),
          ),
        }),
  };
}

function resolveIngestion(
  folder: string,
  ingestion: NonNullable<Configuration['ingestion']>,
): NonNullable<Configuration['ingestion']> {
  const { broker, recordings } = ingestion;
  return {
    ...ingestion,
    ...resolveBroker(folder, broker),
    recordings: Object.fromEntries(
      Object.entries(recordings).map(([task, { contract, files, ...rest }]) => [
        task,
        {
          ...rest,
          contract: resolve(folder, contract),
          ...(files === undefined ? {} : { files: resolve(folder, files) }),
        },
      ]),
    ),
  };
}

function resolveBroker(
  folder: string,
  broker: NonNullable<Configuration['ingestion']>['broker'],
): Pick<NonNullable<Configuration['ingestion']>, 'broker'> {
  if (broker?.passwordFile === undefined) return {};
  return { broker: { ...broker, passwordFile: resolve(folder, broker.passwordFile) } };
}

/** Says where, and never what stands there: a token may. */
function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text, { prettyErrors: false, logLevel: 'error' });
  } catch (error) {
    const known = error instanceof YAMLParseError;
    const line = known ? text.slice(0, error.pos[0]).split('\n').length : undefined;
    const what = known ? `line ${line}: ${error.code}` : 'it is nested too deeply, or refers to itself';
    throw new AgentError('agent/configuration', `The configuration file ${path} is not YAML: ${what}.`);
  }
}
