/** The manifest as bytes: JSON with sorted keys and no white space, so that equal manifests hash equally. */
import { type Fields, fail, type Place, readFields } from '../fields.js';
import { readLoss } from '../losses/parse.js';
import { readOptimizer } from '../optimizers/parse.js';
import { PlanError } from './errors.js';
import { type ParameterEntry, type PlanFile, type PlanManifest, requiredRuntimes } from './manifest.js';

/** A manifest is a few hundred bytes a tensor; what is larger than this is not parsed. */
export const manifestBytesMax = 4 * 1024 * 1024;

/** The one spelling of a manifest, as JSON in UTF-8 with sorted keys: its SHA-256 names the plan. */
export function encodeManifest(manifest: PlanManifest): Uint8Array {
  return new TextEncoder().encode(canonicalJson(manifest));
}

/** JSON with the keys of every object in code-unit order. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${value.map(canonicalJson).join(',')}]`;
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  return JSON.stringify(value);
}

function place(name: string): Place {
  return { name, error: (message) => new PlanError('plan/malformed', message) };
}

/**
 * Reads a manifest from the network and checks that it contradicts itself nowhere.
 * @throws PlanError `plan/malformed`
 */
export function decodeManifest(bytes: Uint8Array): PlanManifest {
  const here = place('the plan manifest');
  if (bytes.byteLength > manifestBytesMax) {
    fail(here, `has ${bytes.byteLength} bytes, more than the ${manifestBytesMax} allowed`);
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    fail(here, `is not JSON in UTF-8 (${error instanceof Error ? error.message : 'unreadable'})`);
  }
  const fields = readFields(json, here);
  const format = fields.integer('format', 1);
  if (format !== 2) {
    const remedy = format > 2 ? 'update this side' : 'compile it again, by applying its task';
    fail(here, `has format ${format}, but this version reads format 2; ${remedy}`);
  }
  const manifest: PlanManifest = {
    format,
    files: fields.list('files', readFile),
    parameters: readParameters(fields),
    parameterCount: fields.integer('parameterCount', 1),
    ...readLocal(fields.raw('local')),
    featureShape: fields.integers('featureShape', undefined, 1),
    outputShape: fields.integers('outputShape', undefined, 1),
    targetShape: fields.integers('targetShape', undefined, 1),
    targetDataType: fields.oneOf('targetDataType', ['int32', 'float32']),
    batchSize: fields.integer('batchSize', 1),
    chunkSteps: fields.integer('chunkSteps', 1),
    ...readBlockSteps(fields),
    memoryBytes: fields.integer('memoryBytes', 1),
    loss: readLoss(fields.raw('loss'), place('loss')),
    optimizer: readOptimizer(fields.raw('optimizer'), place('optimizer')),
    proximalMu: fields.number('proximalMu', (value) => value >= 0, 'of at least 0'),
    ...(fields.boolean('correction', false) ? { correction: true as const } : {}),
    metrics: fields.list('metrics', readMetric),
    requires: readRequirements(fields.raw('requires')),
  };
  fields.end();
  const { parameters, local } = manifest;
  checkParameters(parameters, manifest.parameterCount, here);
  if (local !== undefined) checkParameters(local.parameters, local.count, here, parameters);
  if (new Set(manifest.files.map((file) => file.name)).size !== manifest.files.length) {
    fail(here, 'lists a file twice');
  }
  return manifest;
}

function readBlockSteps(fields: Fields): Pick<PlanManifest, 'blockSteps'> {
  const blockSteps = fields.integer('blockSteps', 1, 1);
  return blockSteps === 1 ? {} : { blockSteps };
}

function readFile(value: unknown, index: number): PlanFile {
  const fields = readFields(value, place(`file ${index}`));
  const file = {
    name: fields.string('name', /^[a-z0-9][a-z0-9.-]{0,63}$/, 'a file name such as train.onnx'),
    sha256: fields.string('sha256', /^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits'),
    bytes: fields.integer('bytes', 1),
  };
  fields.end();
  return file;
}

function readParameters(fields: Fields): readonly ParameterEntry[] {
  return fields.list('parameters', (value, index) => {
    const own = readFields(value, place(`parameter ${index}`));
    const entry = {
      name: own.string('name', /^.{1,256}$/, 'a name of 1 to 256 characters'),
      shape: own.integers('shape', undefined, 1),
      offset: own.integer('offset', 0),
      trainable: own.boolean('trainable'),
    };
    own.end();
    return entry;
  });
}

function readMetric(value: unknown, index: number): { readonly name: string } {
  const fields = readFields(value, place(`metric ${index}`));
  const metric = { name: fields.string('name', /^[A-Za-z][A-Za-z0-9]{0,63}$/, 'a metric name') };
  fields.end();
  return metric;
}

function readRequirements(value: unknown): PlanManifest['requires'] {
  const fields = readFields(value, place('requires'));
  const requires = {
    runtime: fields.oneOf('runtime', requiredRuntimes),
    opset: fields.integer('opset', 1),
  };
  fields.end();
  return requires;
}

function readLocal(value: unknown): Pick<PlanManifest, 'local'> {
  if (value === undefined) return {};
  const fields = readFields(value, place('local'));
  const local = { parameters: readParameters(fields), count: fields.integer('count', 1) };
  fields.end();
  return { local };
}

/** Parameters must tile their flat vector in order: no gap, no overlap, no name twice, also of the other vector's. */
function checkParameters(
  parameters: readonly ParameterEntry[],
  count: number,
  here: Place,
  others: readonly ParameterEntry[] = [],
): void {
  let next = 0;
  const names = new Set(others.map(({ name }) => name));
  for (const { name, shape, offset } of parameters) {
    if (offset !== next || names.has(name)) {
      fail(here, `parameter "${name}" starts at ${offset} where ${next} is next, or is listed twice`);
    }
    names.add(name);
    next += shape.reduce((product, size) => product * size, 1);
  }
  if (next !== count) {
    fail(here, `says ${count} parameters, but those it lists have ${next} elements`);
  }
}
