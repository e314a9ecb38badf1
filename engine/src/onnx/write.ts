/** Models to ONNX protobuf bytes. */
import { onnx } from '../../generated/onnx.js';
import { dataTypeCode } from './data-types.js';
import type { Attribute, Graph, Model, Node, Tensor, Value } from './graph.js';

/** Version 9 of the file format goes with opset 20 (docs/Versioning.md of ONNX). */
const irVersion = 9;

const utf8 = new TextEncoder();
const { AttributeType } = onnx.AttributeProto;

/** Writes a model. Tensors are stored as raw little-endian bytes. */
export function writeModel(model: Model): Uint8Array {
  const message: onnx.ModelProto.$Properties = {
    irVersion,
    producerName: 'starling',
    opsetImport: Object.entries(model.opsets).map(([domain, version]) => ({ domain, version })),
    graph: graphMessage(model.graph),
    metadataProps: Object.entries(model.metadata).map(([key, value]) => ({ key, value })),
  };
  return onnx.ModelProto.encode(message).finish();
}

function graphMessage(graph: Graph): onnx.GraphProto.$Properties {
  return {
    name: graph.name,
    input: graph.inputs.map(valueMessage),
    output: graph.outputs.map(valueMessage),
    initializer: [...graph.initializers].map(([name, stored]) => ({ ...tensorMessage(stored), name })),
    node: graph.nodes.map(nodeMessage),
  };
}

function valueMessage({ name, dataType, shape }: Value): onnx.ValueInfoProto.$Properties {
  const dim = shape.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: dataTypeCode(dataType), shape: { dim } } } };
}

function tensorMessage({ dataType, shape, data }: Tensor): onnx.TensorProto.$Properties {
  return {
    dims: [...shape],
    dataType: dataTypeCode(dataType),
    rawData: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  };
}

function nodeMessage(node: Node): onnx.NodeProto.$Properties {
  return {
    name: node.name,
    opType: node.opType,
    domain: node.domain,
    input: [...node.inputs],
    output: [...node.outputs],
    attribute: Object.entries(node.attributes).map(([name, attribute]) => ({
      name,
      ...attributeMessage(attribute),
    })),
  };
}

function attributeMessage(attribute: Attribute): onnx.AttributeProto.$Properties {
  switch (attribute.kind) {
    case 'int':
      return { type: AttributeType.INT, i: attribute.value };
    case 'float':
      return { type: AttributeType.FLOAT, f: attribute.value };
    case 'string':
      return { type: AttributeType.STRING, s: utf8.encode(attribute.value) };
    case 'ints':
      return { type: AttributeType.INTS, ints: [...attribute.value] };
    case 'floats':
      return { type: AttributeType.FLOATS, floats: [...attribute.value] };
    case 'strings':
      return { type: AttributeType.STRINGS, strings: attribute.value.map((text) => utf8.encode(text)) };
    case 'tensor':
      return { type: AttributeType.TENSOR, t: tensorMessage(attribute.value) };
    case 'graph':
      return { type: AttributeType.GRAPH, g: graphMessage(attribute.value) };
  }
}
