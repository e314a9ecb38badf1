/**
 * The in-memory form of an ONNX model: plain readonly data, one interface per message of onnx.proto
 * (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto), with names where the protobuf has numbers.
 */

/** Element types that Starling reads, writes and computes with. */
export type DataType =
  | 'float32'
  | 'float64'
  | 'float16'
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'bool';

/** The array that holds the elements of a tensor; `float16` as raw bits, `bool` as 0 and 1. */
export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A tensor in row-major order; `data.length` is the product of `shape`. */
export interface Tensor {
  readonly dataType: DataType;
  readonly shape: readonly number[];
  readonly data: TensorData;
}

/** A dimension: a size, or the name of one that is known only when the graph runs (`'batch'`). */
export type Dimension = number | string;

/** A value of a graph that the builder knows everything about: what nodes take and give. */
export interface Value {
  readonly name: string;
  readonly dataType: DataType;
  readonly shape: readonly Dimension[];
}

/** What a node's attribute may hold. Integers are numbers, exact up to 2^53. */
export type Attribute =
  | { readonly kind: 'int'; readonly value: number }
  | { readonly kind: 'float'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | { readonly kind: 'tensor'; readonly value: Tensor }
  | { readonly kind: 'graph'; readonly value: Graph }
  | { readonly kind: 'ints'; readonly value: readonly number[] }
  | { readonly kind: 'floats'; readonly value: readonly number[] }
  | { readonly kind: 'strings'; readonly value: readonly string[] };

/** One operator; an omitted optional input or output is the empty string. */
export interface Node {
  readonly name: string;
  readonly opType: string;
  /** `''` is the standard ONNX domain. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** Nodes in topological order between named inputs and outputs. */
export interface Graph {
  readonly name: string;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
  readonly initializers: ReadonlyMap<string, Tensor>;
  readonly nodes: readonly Node[];
}

/** A graph with the operator set versions its nodes are written in. */
export interface Model {
  readonly graph: Graph;
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
}
