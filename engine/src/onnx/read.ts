/** ONNX protobuf bytes to models. What the bytes claim is checked before it is believed. */
import { onnx } from '../../generated/onnx.js';
import { dataTypeOfCode } from './data-types.js';
import { OnnxError } from './errors.js';
import type { Attribute, Dimension, Graph, Model, Node, Tensor, Value } from './graph.js';
import { inlineFunctions } from './inline-functions.js';
import { requireLegibleNames } from './legible.js';
import { type ReadExternal, readTensor } from './read-tensor.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });
const { AttributeType } = onnx.AttributeProto;

export interface ReadOptions {
  /** Reads tensors that lie in other files; without it they are refused. */
  readonly external?: ReadExternal;
  /** Changes the graph before its tensors are read, functions inlined; to leave out what is not wanted. */
  readonly select?: (graph: onnx.GraphProto.$Properties) => onnx.GraphProto.$Properties;
}

/**
 * Reads a model. Tensors are views of `bytes` where their alignment allows, so `bytes` must not change.
 * @throws OnnxError `onnx/malformed` for bytes that are no ONNX model or were cut off, `onnx/inconsistent` for a
 * model that contradicts itself, `onnx/unsupported` for what this library does not handle.
 */
export function readModel(bytes: Uint8Array, options: ReadOptions = {}): Model {
  const message = decode(bytes);
  if (!message.graph || (message.opsetImport ?? []).length === 0) {
    throw new OnnxError(
      'onnx/malformed',
      'the bytes hold no ONNX model (a graph or its operator set is missing); check that the file is complete',
    );
  }
  const opsets = Object.fromEntries(
    (message.opsetImport ?? []).map(({ domain, version }) => [
      domain === 'ai.onnx' ? '' : (domain ?? ''),
      Number(version ?? 0),
    ]),
  );
  const metadata = Object.fromEntries(
    [...(message.graph.metadataProps ?? []), ...(message.metadataProps ?? [])].map(({ key, value }) => [
      key ?? '',
      value ?? '',
    ]),
  );
  for (const { node } of message.functions ?? []) requireLegibleNames({ node: node ?? [] });
  requireLegibleNames(message.graph);
  const inlined = inlineFunctions(message, message.graph);
  const graph = options.select?.(inlined) ?? inlined;
  return { graph: readGraph(withTypedOutputs(graph), options.external), opsets, metadata };
}

/** The first output, and those after it that are tensors: exporters let models give more than is wanted, of any kind. */
function withTypedOutputs(graph: onnx.GraphProto.$Properties): onnx.GraphProto.$Properties {
  const described = new Set(
    (graph.valueInfo ?? []).flatMap(({ name, type }) => (type?.tensorType?.shape ? [name ?? ''] : [])),
  );
  const output = (graph.output ?? []).filter(
    ({ name, type }, index) => index === 0 || type?.tensorType?.shape || described.has(name ?? ''),
  );
  return { ...graph, output };
}

function decode(bytes: Uint8Array): onnx.ModelProto.$Properties {
  try {
    return onnx.ModelProto.decode(bytes);
  } catch (cause) {
    throw new OnnxError(
      'onnx/malformed',
      `the ${bytes.byteLength} bytes are not a complete ONNX model: ${cause instanceof Error ? cause.message : cause}; fetch or export the file again`,
      { cause },
    );
  }
}

function readGraph(message: onnx.GraphProto.$Properties, external?: ReadExternal): Graph {
  const name = message.name ?? '';
  if ((message.sparseInitializer ?? []).length > 0) {
    throw new OnnxError('onnx/unsupported', `graph ${name} has sparse initializers; store them dense`);
  }
  const initializers = new Map<string, Tensor>();
  for (const stored of message.initializer ?? []) {
    const key = stored.name ?? '';
    if (key === '' || initializers.has(key)) {
      throw new OnnxError(
        'onnx/inconsistent',
        `graph ${name} has two initializers named ${JSON.stringify(key)}, or one without a name`,
      );
    }
    initializers.set(key, readTensor(stored, `initializer ${key}`, external));
  }
  const described = new Map((message.valueInfo ?? []).map((value) => [value.name ?? '', value]));
  return {
    name,
    // Files of old versions list initializers among the inputs, as defaults.
    inputs: (message.input ?? [])
      .filter((i) => !initializers.has(i.name ?? ''))
      .map((i) => readValue(i, 'input')),
    outputs: (message.output ?? []).map((output) =>
      readValue(output.type ? output : (described.get(output.name ?? '') ?? output), 'output'),
    ),
    initializers,
    nodes: (message.node ?? []).map((node) => readNode(node, external)),
  };
}

const mayBeOpen: ReadonlySet<string> = new Set(['If', 'Loop']);

/**
 * Branches of an `If` and bodies of a `Loop` need not say what they take and give. A branch is written out by its names, and a
 * loop refused by its node's, so what is left open counts as a number here.
 */
function withTypes(body: onnx.GraphProto.$Properties): onnx.GraphProto.$Properties {
  const scalar = { tensorType: { elemType: onnx.TensorProto.DataType.FLOAT, shape: {} } };
  const known = new Set((body.valueInfo ?? []).map(({ name }) => name));
  const typed = (value: onnx.ValueInfoProto.$Properties): onnx.ValueInfoProto.$Properties =>
    value.type?.tensorType?.shape || (!value.type && known.has(value.name))
      ? value
      : { ...value, type: scalar };
  return { ...body, input: (body.input ?? []).map(typed), output: (body.output ?? []).map(typed) };
}

function readValue(message: onnx.ValueInfoProto.$Properties, role: string): Value {
  const name = message.name ?? '';
  const type = message.type?.tensorType;
  if (!type?.shape) {
    throw new OnnxError(
      'onnx/unsupported',
      `${role} ${name} is not a tensor of known rank; export the model with typed inputs and outputs (onnx.shape_inference.infer_shapes adds them)`,
    );
  }
  const shape = (type.shape.dim ?? []).map((dimension, axis): Dimension => {
    if (dimension.dimValue !== null && dimension.dimValue !== undefined) {
      const size = Number(dimension.dimValue);
      // Some exporters write -1 (or 0 for a batch) where they mean "unknown".
      return size > 0 ? size : `${name}:${axis}`;
    }
    return dimension.dimParam ? dimension.dimParam : `${name}:${axis}`;
  });
  return { name, dataType: dataTypeOfCode(type.elemType ?? 0, `${role} ${name}`), shape };
}

function readNode(message: onnx.NodeProto.$Properties, external?: ReadExternal): Node {
  const name = message.name ?? '';
  const place = `node ${name || (message.output ?? []).join(', ')} (${message.opType ?? ''})`;
  if (!message.opType) throw new OnnxError('onnx/inconsistent', `${place} has no operator`);
  return {
    name,
    opType: message.opType,
    domain: message.domain === 'ai.onnx' ? '' : (message.domain ?? ''),
    inputs: message.input ?? [],
    outputs: message.output ?? [],
    attributes: Object.fromEntries(
      (message.attribute ?? []).map((attribute) => [
        attribute.name ?? '',
        readAttribute(attribute, place, external, mayBeOpen.has(message.opType ?? '')),
      ]),
    ),
  };
}

function readAttribute(
  message: onnx.AttributeProto.$Properties,
  place: string,
  external: ReadExternal | undefined,
  open: boolean,
): Attribute {
  const what = `${place}: attribute ${message.name ?? ''}`;
  switch (message.type) {
    case AttributeType.INT:
      return { kind: 'int', value: integer(message.i ?? 0) };
    case AttributeType.FLOAT:
      return { kind: 'float', value: message.f ?? 0 };
    case AttributeType.STRING:
      return { kind: 'string', value: text(message.s, what) };
    case AttributeType.INTS:
      return { kind: 'ints', value: (message.ints ?? []).map(integer) };
    case AttributeType.FLOATS:
      return { kind: 'floats', value: message.floats ?? [] };
    case AttributeType.STRINGS:
      return { kind: 'strings', value: (message.strings ?? []).map((bytes) => text(bytes, what)) };
    case AttributeType.TENSOR:
      if (message.t) return { kind: 'tensor', value: readTensor(message.t, what, external) };
      break;
    case AttributeType.GRAPH:
      if (message.g)
        return { kind: 'graph', value: readGraph(open ? withTypes(message.g) : message.g, external) };
      break;
  }
  if (message.type === AttributeType.TENSOR || message.type === AttributeType.GRAPH) {
    throw new OnnxError('onnx/inconsistent', `${what} has no value; export the model again`);
  }
  throw new OnnxError(
    'onnx/unsupported',
    `${what} is of type ${message.type ?? 'none'}, which is not handled; export the model without sparse tensors and lists of graphs`,
  );
}

/** Exporters write the largest int64 for "to the end"; anything beyond exact numbers means that. */
function integer(value: number | { toNumber(): number }): number {
  const number = typeof value === 'number' ? value : value.toNumber();
  return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, number));
}

function text(bytes: Uint8Array | null | undefined, what: string): string {
  try {
    return utf8.decode(bytes ?? new Uint8Array());
  } catch (cause) {
    throw new OnnxError('onnx/malformed', `${what} is not UTF-8; export the file again`, { cause });
  }
}
