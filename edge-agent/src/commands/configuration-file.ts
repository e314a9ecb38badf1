/** The YAML file of `run`. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse, YAMLParseError } from 'yaml';
import * as z from 'zod';
import { AgentError } from '../errors.js';
import { isMissing } from '../state/atomic-file.js';
import { priorities } from '../telemetry/streams.js';

const positive = z.int().min(1);

const streamSchema = z.strictObject({
  name: z.string(),
  priority: z.enum(priorities).default('normal'),
  keepHours: z.number().positive().optional(),
});

const telemetrySchema = z.strictObject({
  budgetMegabytes: z.number().min(0.1).optional(),
  bytesPerSecond: positive.min(1024).optional(),
  metricsSeconds: positive.optional(),
  streams: z.array(streamSchema).optional(),
});

const fileSchema = z.strictObject({
  coordinator: z.string().optional(),
  state: z.string().optional(),
  examples: z.record(z.string(), z.string()).optional(),
  deviceId: z.string().optional(),
  token: z.string().optional(),
  ownerKey: z.string().optional(),
  threads: positive.max(256).optional(),
  cacheMegabytes: positive.optional(),
  memoryMegabytes: positive.optional(),
  policy: z.string().optional(),
  telemetry: z.union([z.boolean(), telemetrySchema]).optional(),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).optional(),
});

export type Configuration = Readonly<z.infer<typeof fileSchema>>;

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
  const { examples, state, policy } = parsed.data;
  return {
    ...parsed.data,
    // Paths in a file are meant from where the file is.
    ...(state === undefined ? {} : { state: resolve(folder, state) }),
    ...(policy === undefined ? {} : { policy: resolve(folder, policy) }),
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
