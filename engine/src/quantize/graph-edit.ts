/** A graph whose nodes are rewritten one by one, with tensors and nodes added on the way. */
import type { Attribute, Graph, Model, Node, Tensor } from '../onnx/index.js';
import { removeUnused } from '../onnx/index.js';

export class GraphEdit {
  readonly nodes: Node[] = [];
  readonly #model: Model;
  readonly #initializers: Map<string, Tensor>;
  readonly #taken: Set<string>;

  constructor(model: Model) {
    this.#model = model;
    this.#initializers = new Map(model.graph.initializers);
    this.#taken = new Set([
      ...model.graph.initializers.keys(),
      ...model.graph.inputs.map(({ name }) => name),
      ...model.graph.nodes.flatMap(({ name, outputs }) => [name, ...outputs]),
    ]);
  }

  /** The tensor stored under a name. */
  initializer(name: string): Tensor | undefined {
    return this.#initializers.get(name);
  }

  /** Stores a tensor under the hint, numbered where it is taken; gives the name. */
  store(hint: string, stored: Tensor): string {
    const name = this.fresh(hint);
    this.#initializers.set(name, stored);
    return name;
  }

  /** Adds a node of one output, which is named after the hint; gives the output's name. */
  add(
    opType: string,
    inputs: readonly string[],
    hint: string,
    attributes: Readonly<Record<string, Attribute>> = {},
    domain = '',
  ): string {
    const output = this.fresh(hint);
    this.nodes.push({
      name: this.fresh(`${hint}/${opType}`),
      opType,
      domain,
      inputs,
      outputs: [output],
      attributes,
    });
    return output;
  }

  fresh(hint: string): string {
    let name = hint;
    for (let number = 2; this.#taken.has(name); number++) name = `${hint}_${number}`;
    this.#taken.add(name);
    return name;
  }

  /** The model with the new nodes; what nothing reads any more is left out. */
  finish(domains: Readonly<Record<string, number>> = {}): Model {
    const graph: Graph = { ...this.#model.graph, initializers: this.#initializers, nodes: this.nodes };
    return { ...this.#model, graph: removeUnused(graph), opsets: { ...this.#model.opsets, ...domains } };
  }
}
