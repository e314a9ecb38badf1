/** Builds graphs node by node; every value's type and shape is known as soon as it exists. */
import { describe } from './attributes.js';
import { OnnxError } from './errors.js';
import type { Attribute, DataType, Dimension, Graph, Model, Node, Tensor, Value } from './graph.js';
import { Names } from './names.js';
import type { Inferred } from './shape-inference/index.js';
import { inferNode } from './shape-inference/infer-node.js';
import { tensor, tensorOf, toNumbers } from './tensors.js';

/**
 * The standard operator set that graphs are built in: the lowest that has all we emit (Gelu came with 20, the integer
 * BitwiseXor of dropout masks with 18), so that the most runtimes load it. ONNX Runtime fuses a training step of
 * a CNN into the same kernels in every set from 18 to 23, so a later one would gain nothing.
 */
export const defaultOpset = 20;

export interface GraphBuilderOptions {
  readonly name?: string;
  readonly opset?: number;
  /** Names that whoever builds the graph gives to inputs and outputs later: no hint becomes one of them. */
  readonly reserved?: readonly string[];
}

export interface NodeOptions {
  /** A name to recognise the node by; a number is added where it is taken. */
  readonly name?: string;
  readonly domain?: string;
}

/** Longest integer vector whose elements are followed through shape arithmetic. */
const contentsLengthMax = 64;

/**
 * A graph under construction. `op` adds a node with one output, `ops` one with several; both infer the types
 * and shapes of the outputs at once, so a mistake is reported where it is made.
 *
 * ```ts
 * const graph = new GraphBuilder();
 * const x = graph.input('x', 'float32', ['batch', 784]);
 * const w = graph.initializer('w', tensorOf('float32', [784, 10], weights));
 * graph.output(graph.op('Softmax', [graph.op('MatMul', [x, w])], { axis: int(-1) }), 'probabilities');
 * const bytes = writeModel(graph.build());
 * ```
 */
export class GraphBuilder {
  readonly opset: number;
  readonly #name: string;
  readonly #parent: GraphBuilder | undefined;
  /** Shared with the builders of subgraphs: a name means one value in all of them. */
  readonly #names: Names;
  readonly #inputs: Value[] = [];
  readonly #outputs: Value[] = [];
  readonly #initializers = new Map<string, Tensor>();
  readonly #nodes: Node[] = [];
  readonly #values = new Map<string, Value>();
  readonly #contents = new Map<string, readonly Dimension[]>();
  readonly #producers = new Map<string, Node>();
  readonly #constants = new Map<string, Value>();

  constructor(options: GraphBuilderOptions = {}, parent?: GraphBuilder) {
    this.opset = parent?.opset ?? options.opset ?? defaultOpset;
    this.#name = options.name ?? 'graph';
    this.#parent = parent;
    this.#names = parent === undefined ? new Names() : parent.#names;
    for (const name of options.reserved ?? []) this.#names.take(name);
  }

  /** The nodes so far, in topological order. */
  get nodes(): readonly Node[] {
    return this.#nodes;
  }

  get inputs(): readonly Value[] {
    return this.#inputs;
  }

  get outputs(): readonly Value[] {
    return this.#outputs;
  }

  get initializers(): ReadonlyMap<string, Tensor> {
    return this.#initializers;
  }

  /** A value that is given when the graph runs. */
  input(name: string, dataType: DataType, shape: readonly Dimension[]): Value {
    const value = this.#define({ name: this.#claim(name), dataType, shape });
    this.#inputs.push(value);
    return value;
  }

  /** A tensor stored in the graph under exactly this name. */
  initializer(name: string, stored: Tensor): Value {
    const { dataType, shape } = stored;
    const value = this.#define({ name: this.#claim(name), dataType, shape });
    this.#initializers.set(name, stored);
    const integers = dataType === 'int64' || dataType === 'int32';
    if (integers && shape.length <= 1 && stored.data.length <= contentsLengthMax) {
      this.#contents.set(name, [...toNumbers(stored)]);
    }
    return value;
  }

  /** A tensor stored under a name made from the hint. */
  constant(stored: Tensor, nameHint = 'constant'): Value {
    return this.initializer(this.#names.fresh(nameHint), stored);
  }

  /** A constant of rank 0; equal ones are one. */
  scalar(value: number, dataType: DataType = 'float32'): Value {
    return this.#shared(`${dataType}:${Object.is(value, -0) ? '-0' : value}`, () =>
      this.constant(tensorOf(dataType, [], [value]), 'scalar'),
    );
  }

  /** A constant int64 vector, as shapes and axes are given; equal ones are one. */
  ints(values: readonly number[]): Value {
    return this.#shared(`ints:${values}`, () =>
      this.constant(tensor('int64', [values.length], BigInt64Array.from(values, BigInt)), 'ints'),
    );
  }

  /** Adds a node with one output. An omitted optional input is `undefined`. */
  op(
    opType: string,
    inputs: readonly (Value | undefined)[],
    attributes: Readonly<Record<string, Attribute>> = {},
    options: NodeOptions = {},
  ): Value {
    return this.ops(opType, inputs, 1, attributes, options)[0];
  }

  /** Adds a node with the first `outputs` of its outputs. */
  ops(
    opType: string,
    inputs: readonly (Value | undefined)[],
    outputs: number,
    attributes: Readonly<Record<string, Attribute>> = {},
    options: NodeOptions = {},
  ): readonly Value[] {
    const fresh = this.#names.freshNode(options.name ?? opType, outputs);
    const used = [...inputs];
    while (used.length > 0 && used[used.length - 1] === undefined) used.pop();
    return this.append({
      ...fresh,
      opType,
      domain: options.domain ?? '',
      inputs: used.map((input) => input?.name ?? ''),
      attributes,
    });
  }

  /** Adds a node as it is, with its own names, as when a graph is read. Gives its outputs (omitted ones left out). */
  append(node: Node): readonly Value[] {
    const inferred = inferNode(node, this);
    const outputs = node.outputs.flatMap((name, index) => {
      if (name === '') return [];
      this.#claim(name);
      return [this.#defineInferred(name, inferred[index], node)];
    });
    this.#names.take(node.name);
    this.#nodes.push(node);
    for (const output of outputs) this.#producers.set(output.name, node);
    return outputs;
  }

  /** Makes sure that a node of this graph gives its output number `index`, and returns it. */
  requireOutput(node: Node, index: number): Value {
    const at = this.#nodes.findIndex(({ outputs }) => outputs[0] === node.outputs[0]);
    if (at < 0) {
      throw new OnnxError(
        'onnx/builder',
        `${describe(node)} is not a node of this graph; ask the graph that has it`,
      );
    }
    const current = this.#nodes[at];
    const existing = current.outputs[index];
    if (existing !== undefined && existing !== '') return this.value(existing);
    const outputs = Array.from(
      { length: Math.max(index + 1, current.outputs.length) },
      (_, i) => current.outputs[i] ?? '',
    );
    outputs[index] = this.#claim(`${current.outputs[0]}:${index}`);
    const extended = { ...current, outputs };
    this.#nodes[at] = extended;
    for (const output of outputs) if (output !== '') this.#producers.set(output, extended);
    return this.#defineInferred(outputs[index], inferNode(extended, this)[index], extended);
  }

  /** Makes a value an output of the graph, under another name if one is given. */
  output(value: Value, name?: string): Value {
    // An output needs a node of its own where it is renamed, or is not computed here.
    const passedThrough =
      !this.#producers.has(value.name) || this.#outputs.some((o) => o.name === value.name);
    const rename = name !== undefined && name !== value.name;
    const output = rename || passedThrough ? this.#identity(value, name) : value;
    this.#outputs.push(output);
    return output;
  }

  /** A builder for a graph inside a node (the body of a `Scan`); it sees the values of this one. */
  subgraph(name: string): GraphBuilder {
    return new GraphBuilder({ name }, this);
  }

  /** The value of that name, here or in the graphs around this one. */
  find(name: string): Value | undefined {
    return this.#values.get(name) ?? this.#parent?.find(name);
  }

  /** Like `find`. @throws OnnxError `onnx/inconsistent` where there is none. */
  value(name: string): Value {
    const value = this.find(name);
    if (value === undefined) {
      throw new OnnxError('onnx/inconsistent', `no value is named ${JSON.stringify(name)} before it is used`);
    }
    return value;
  }

  /** The tensor behind a value that is stored in the graph. */
  constantOf(value: Value): Tensor | undefined {
    return this.#initializers.get(value.name) ?? this.#parent?.constantOf(value);
  }

  /** The elements of a small integer value, sizes among them possibly names; undefined where they are not known. */
  contentsOf(value: Value): readonly Dimension[] | undefined {
    return this.#contents.get(value.name) ?? this.#parent?.contentsOf(value);
  }

  /** The node of this graph that computes a value. */
  producerOf(value: Value): Node | undefined {
    return this.#producers.get(value.name);
  }

  /** The graph as data, as the body of a node. */
  graph(): Graph {
    return {
      name: this.#name,
      inputs: [...this.#inputs],
      outputs: [...this.#outputs],
      initializers: new Map(this.#initializers),
      nodes: [...this.#nodes],
    };
  }

  /** The finished model. */
  build(metadata: Readonly<Record<string, string>> = {}): Model {
    return { graph: this.graph(), opsets: { '': this.opset }, metadata };
  }

  #identity(value: Value, name: string | undefined): Value {
    const unique = name ?? this.#names.fresh(`${value.name}:out`);
    const [output] = this.append({
      name: this.#names.fresh('Identity'),
      opType: 'Identity',
      domain: '',
      inputs: [value.name],
      outputs: [unique],
      attributes: {},
    });
    return output;
  }

  #defineInferred(name: string, inferred: Inferred | undefined, node: Node): Value {
    if (inferred === undefined) {
      throw new OnnxError('onnx/inconsistent', `${describe(node)} has no output for ${name}`);
    }
    const { dataType, shape, contents } = inferred;
    if (contents !== undefined && shape.length <= 1 && contents.length <= contentsLengthMax) {
      this.#contents.set(name, contents);
    }
    return this.#define({ name, dataType, shape });
  }

  #define(value: Value): Value {
    this.#values.set(value.name, value);
    return value;
  }

  #shared(key: string, make: () => Value): Value {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#constants.set(key, made);
    return made;
  }

  #claim(name: string): string {
    if (name === '' || this.find(name) !== undefined) {
      throw new OnnxError(
        'onnx/builder',
        `the name ${JSON.stringify(name)} is taken or empty; choose another`,
      );
    }
    this.#names.take(name);
    return name;
  }
}
