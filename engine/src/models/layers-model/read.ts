/** TensorFlow.js layers models as files: `model.json`, and the weights in files beside it. */
import { closeSync, readFileSync, statSync } from 'node:fs';
import { isRecord } from '../../fields.js';
import { elementCount, type Tensor, tensorOf } from '../../onnx/index.js';
import { ModelError } from '../errors.js';
import { openBeside, readInto } from '../file-beside.js';

export interface LayersModel {
  /** `{class_name, config}`, as Keras and TensorFlow.js write it. */
  readonly topology: LayerConfig;
  /** By name, in the file's order. */
  readonly weights: ReadonlyMap<string, Tensor>;
}

export interface LayerConfig {
  readonly className: string;
  readonly name: string;
  readonly config: Readonly<Record<string, unknown>>;
  /** What functional models say of a layer's inputs. */
  readonly inbound: unknown;
}

const topologyBytesMax = 64 * 2 ** 20;
const weightBytesMax = 2 ** 31 - 1;

/** Reads a layers model. @throws ModelError `model/invalid`, naming the file and what is wrong with it */
export function readLayersModel(path: string): LayersModel {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isFile()) throw invalid(`there is no model at ${path}; check the path`);
  const { size } = stats;
  if (size > topologyBytesMax) {
    throw invalid(
      `${path} has ${size} bytes, and a model.json at most ${topologyBytesMax}; weights lie in files of their own`,
    );
  }
  let json: unknown;
  try {
    json = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw invalid(`${path} is not JSON: ${error instanceof Error ? error.message : error}`);
  }
  const topology = isRecord(json) ? json.modelTopology : undefined;
  if (
    !isRecord(json) ||
    !isRecord(topology) ||
    (json.format !== undefined && json.format !== 'layers-model')
  ) {
    throw invalid(
      `${path} is no layers model of TensorFlow.js; convert graph models to ONNX, or save the model with tf.LayersModel.save`,
    );
  }
  const described = isRecord(topology.model_config) ? topology.model_config : topology;
  return {
    topology: readLayer(described, path),
    weights: readWeights(json.weightsManifest, path),
  };
}

/** `{class_name, config, inbound_nodes?}`. @throws ModelError */
export function readLayer(value: unknown, place: string): LayerConfig {
  if (!isRecord(value) || typeof value.class_name !== 'string')
    throw invalid(`${place}: a layer has no class_name`);
  // Sequential models of old versions are a bare list of layers.
  const config = Array.isArray(value.config) ? { layers: value.config } : value.config;
  if (!isRecord(config)) throw invalid(`${place}: layer ${value.class_name} has no config`);
  const name = typeof config.name === 'string' ? config.name : String(value.name ?? value.class_name);
  return { className: value.class_name, name, config, inbound: value.inbound_nodes };
}

function readWeights(manifest: unknown, model: string): ReadonlyMap<string, Tensor> {
  const weights = new Map<string, Tensor>();
  let total = 0;
  for (const group of list(manifest, 'weightsManifest')) {
    if (!isRecord(group)) throw invalid('weightsManifest holds something that is no group');
    const specs = list(group.weights, 'weights').map(readSpec);
    const length = specs.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0);
    total += length;
    if (!(total <= weightBytesMax)) throw invalid(`the weights exceed ${weightBytesMax} bytes`);
    const paths = list(group.paths, 'paths');
    const bytes = readParts(paths, model, length);
    let offset = 0;
    for (const { name, shape } of specs) {
      const count = elementCount(shape);
      const values = new Float32Array(bytes.buffer, bytes.byteOffset + offset, count);
      if (weights.has(name)) throw invalid(`two weights are named ${name}`);
      weights.set(name, tensorOf('float32', shape, values));
      offset += 4 * count;
    }
  }
  return weights;
}

function readSpec(value: unknown): { readonly name: string; readonly shape: readonly number[] } {
  const { name, shape, dtype, quantization } = isRecord(value) ? value : {};
  const sizes = list(shape, 'shape').map(Number);
  if (typeof name !== 'string' || !sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw invalid(`a weight has no name, or the impossible shape [${sizes}]`);
  }
  if (dtype !== 'float32' || quantization !== undefined) {
    throw invalid(
      `weight ${name} is ${quantization === undefined ? dtype : 'quantized'}; convert the model with float32 weights`,
    );
  }
  return { name, shape: sizes };
}

/** The group's files, one after the other, and together exactly as long as they should be. */
function readParts(paths: readonly unknown[], model: string, length: number): Uint8Array {
  const opened: { readonly descriptor: number; readonly sizeBytes: number }[] = [];
  try {
    for (const path of paths) {
      const file = openBeside(model, String(path));
      if (file.kind === 'outside') throw invalid(`weights lie outside of the model's folder, at ${path}`);
      if (file.kind === 'unreadable') throw invalid(`weights cannot be read: ${file.why}`);
      opened.push(file);
    }
    const found = opened.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (found !== length) {
      throw invalid(
        `${paths.join(', ')} should have ${length} bytes of weights, but have ${found}; fetch or convert the model again`,
      );
    }
    const bytes = new Uint8Array(length);
    let done = 0;
    for (const { descriptor, sizeBytes } of opened) {
      readInto(bytes.subarray(done, done + sizeBytes), descriptor, 0);
      done += sizeBytes;
    }
    return bytes;
  } finally {
    for (const { descriptor } of opened) closeSync(descriptor);
  }
}

export function list(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw invalid(`"${what}" must be a list`);
}

export const invalid = (problem: string): ModelError => new ModelError('model/invalid', problem);
