/**
 * Several steps of plain SGD in one: the first layer of a model takes examples that no step changes, so that all its products
 * with the weights before the block are one product, and all its updates are another. What a step misses by that, the updates
 * of the steps before it in the block, is added from the inner products of their examples:
 *
 *     x_t·W_t + b_t = x_t·W_0 + b_0 + Σ_{j<t} (x_t·x_jᵀ + 1)·D_j,    W_s = W_0 + Σ_j x_jᵀ·D_j,    b_s = b_0 + Σ_j 1ᵀ·D_j
 *
 * where D_j is minus the learning rate times the gradient that step j sends back to the layer's output. The same sums
 * in another order. A weight of 784 by 200 is read and written once a block instead of once a step, and products of sixty rows
 * use a processor better than those of ten or twenty. Decision 021 has what was measured.
 */
import {
  type Attribute,
  type Dimension,
  int,
  ints,
  type Node,
  type Tensor,
  tensorOf,
  type Value,
} from '../onnx/index.js';
import type { FirstLayer } from './first-layer.js';
import { onesName, type StepBody } from './fold-updates.js';

/** Rows that a block's product should have: fewer use a processor less well, more cost more inner products than they save. */
const blockRows = 60;
const blockStepsMax = 8;

/** How many steps of so many examples make a block; 1 is none. */
export function stepsPerBlock(batchSize: number): number {
  return Math.max(1, Math.min(blockStepsMax, Math.floor(blockRows / batchSize)));
}

export interface BlockRequest {
  /** The body of the loop over steps, updates folded. */
  readonly body: StepBody;
  readonly layer: FirstLayer;
  readonly stateCount: number;
  /** At least 2. */
  readonly steps: number;
}

/**
 * The body of a loop over blocks: where the body's slice has `[batch, …]`, each of its has `[steps * batch, …]`, and so has
 * the model's output.
 */
export function blockOfSteps({ body, layer, stateCount, steps }: BlockRequest): StepBody {
  const { graph } = body;
  const { gather, forward, weightUpdate, biasUpdate, batch, width, outputs } = layer;
  const [, weight, bias] = forward.inputs;
  const [, order] = gather.inputs;
  const block = new BlockWriter(body);
  const rows = block.rowsOfExamples(layer, steps);
  const all = block.matrix('products', steps * batch, outputs);
  block.products(layer, rows, all);
  const products = block.split(all, steps);
  const ownRows = block.split({ name: rows, dataType: 'float32', shape: [steps * batch, width] }, steps);
  const slices = new Map(
    graph.inputs
      .slice(stateCount)
      .flatMap((slice) => (slice.name === order ? [] : [[slice.name, block.slices(slice, steps)] as const])),
  );

  const replaced = new Set([gather, ...layer.views, forward, weightUpdate, biasUpdate]);
  const kept = graph.nodes.filter((node) => !replaced.has(node));
  const changes: string[] = [];
  const modelOutputs: string[] = [];
  /** What the names of a step's body mean in the step that is being written. */
  let names = new Map<string, string>();
  const here = (name: string): string => names.get(name) ?? name;
  for (let step = 0; step < steps; step++) {
    const next = new Map<string, string>();
    if (step > 0) {
      graph.outputs
        .slice(0, stateCount)
        .forEach(({ name }, at) => void next.set(graph.inputs[at].name, here(name)));
    }
    names = next;
    for (const [name, ofSteps] of slices) names.set(name, ofSteps[step]);
    const product = products[step];
    const late = step === 0 ? product : block.late({ layer, rows, ownRows, step, changes, product });
    names.set(forward.outputs[0], late);
    for (const node of kept) {
      const results = node.outputs.map((name) => ({ ...body.value(name), name: `block/${step}/${name}` }));
      block.append(node.opType, node.inputs.map(here), results, node.attributes);
      node.outputs.forEach((name, at) => void names.set(name, results[at].name));
    }
    changes.push(here(layer.change));
    modelOutputs.push(here(graph.outputs[stateCount].name));
  }

  const change = block.join('change', changes, steps * batch, outputs);
  const updated = (node: Node): Value => body.value(node.outputs[0]);
  const operands = layer.byOutputs ? [change, rows] : [rows, change];
  block.add('Gemm', [...operands, weight], updated(weightUpdate), { transA: int(1) });
  if (biasUpdate !== undefined) {
    block.add('Gemm', [block.ones(steps * batch), change, bias], updated(biasUpdate));
  }
  const output = graph.outputs[stateCount];
  const result = { ...output, name: 'block/outputs', shape: [steps * batch, ...output.shape.slice(1)] };
  block.add('Concat', modelOutputs, result, { axis: int(0) });
  const ownUpdate = (name: string): boolean =>
    name === weightUpdate.outputs[0] || name === biasUpdate?.outputs[0];
  const newStates = graph.outputs
    .slice(0, stateCount)
    .map((state) => (ownUpdate(state.name) ? state : { ...state, name: here(state.name) }));
  const inputs = graph.inputs.map((input, at) => {
    return at < stateCount ? input : { ...input, shape: sideBySide(input, steps) };
  });
  return block.finish(inputs, [...newStates, result]);
}

/** The shape of a step's slices one after the other; those of numbers become a vector. */
function sideBySide({ shape: [height = 1, ...rest] }: Value, steps: number): readonly Dimension[] {
  return [steps * Number(height), ...rest];
}

/** Writes the nodes of a block; what is new in it is named `block/…`, as nothing else in a plan is. */
class BlockWriter {
  readonly #body: StepBody;
  readonly #initializers: Map<string, Tensor>;
  readonly #nodes: Node[] = [];
  readonly #values = new Map<string, Value>();

  constructor(body: StepBody) {
    this.#body = body;
    this.#initializers = new Map(body.graph.initializers);
  }

  matrix(name: string, height: number, width: number): Value {
    return { name: `block/${name}`, dataType: 'float32', shape: [height, width] };
  }

  append(
    opType: string,
    inputs: readonly string[],
    results: readonly Value[],
    attributes: Readonly<Record<string, Attribute>>,
  ): void {
    const outputs = results.map(({ name }) => name);
    this.#nodes.push({ name: outputs[0], opType, domain: '', inputs: [...inputs], outputs, attributes });
    for (const result of results) this.#values.set(result.name, result);
  }

  /** Adds a node with one output, and gives its name. */
  add(
    opType: string,
    inputs: readonly string[],
    result: Value,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    this.append(opType, inputs, [result], attributes);
    return result.name;
  }

  /** `[steps * batch, features]`: the examples of all the block's steps. */
  rowsOfExamples({ gather, views, batch, width }: FirstLayer, steps: number): string {
    const { shape } = this.#body.value(gather.outputs[0]);
    const taken: Value = {
      name: 'block/examples',
      dataType: 'float32',
      shape: [steps * batch, ...shape.slice(1)],
    };
    const name = this.add('Gather', gather.inputs, taken);
    if (views.length === 0) return name;
    return this.add(
      'Reshape',
      [name, this.integers(steps * batch, width)],
      this.matrix('rows', steps * batch, width),
    );
  }

  /**
   * What the layer gives for all rows. A weight `[out, in]` is taken as the left operand, as it lies in memory: ONNX Runtime
   * copies the right one, here the smaller, into another order before it multiplies.
   */
  products({ forward, byOutputs, outputs }: FirstLayer, rows: string, to: Value): void {
    const [, weight, bias] = forward.inputs;
    if (!byOutputs) {
      this.add(forward.opType, [rows, ...forward.inputs.slice(1)], to);
      return;
    }
    const column = bias === undefined ? [] : [this.#column(bias, outputs)];
    const turned = this.matrix('products/turned', outputs, Number(to.shape[0]));
    this.add('Gemm', [weight, rows, ...column], turned, { transB: int(1) });
    this.add('Transpose', [turned.name], to, { perm: ints([1, 0]) });
  }

  #column(row: string, height: number): string {
    return this.add('Reshape', [row, this.integers(height, 1)], this.matrix('bias', height, 1));
  }

  /** The parts, one for each step, of `[steps * batch, …]`. */
  split({ name, dataType, shape: [height, ...rest] }: Value, steps: number): readonly string[] {
    const shape = [Number(height) / steps, ...rest];
    const parts = Array.from({ length: steps }, (_, step) => ({
      name: `block/${step}/of/${name}`,
      dataType,
      shape,
    }));
    this.append('Split', [name], parts, { axis: int(0), num_outputs: int(steps) });
    return parts.map((part) => part.name);
  }

  join(name: string, parts: readonly string[], height: number, width: number): string {
    if (parts.length === 1) return parts[0];
    return this.add('Concat', parts, this.matrix(name, height, width), { axis: int(0) });
  }

  /** Of what the loop walks through, what the body took in each step. */
  slices(slice: Value, steps: number): readonly string[] {
    const all = { ...slice, shape: sideBySide(slice, steps) };
    if (slice.shape.length > 0) return this.split(all, steps);
    return Array.from({ length: steps }, (_, step) => {
      const at = this.#constant(`block/at/${step}`, tensorOf('int64', [], [step]));
      return this.add('Gather', [slice.name, at], { ...slice, name: `block/${step}/of/${slice.name}` });
    });
  }

  /** A step's product with the weights as they are before the block, and with the changes of the steps before it. */
  late({ layer, rows, ownRows, step, changes, product }: LateProduct): string {
    const { batch, width, outputs, forward } = layer;
    const earlier =
      step === 1
        ? ownRows[0]
        : this.add(
            'Slice',
            [rows, this.integers(0), this.integers(step * batch), this.integers(0)],
            this.matrix(`${step}/earlier`, step * batch, width),
          );
    const one =
      forward.inputs.length === 3 ? [this.#constant('block/one', tensorOf('float32', [], [1]))] : [];
    const inner = this.add(
      'Gemm',
      [ownRows[step], earlier, ...one],
      this.matrix(`${step}/inner`, batch, step * batch),
      { transB: int(1) },
    );
    const before = this.join(`${step}/changes`, changes, step * batch, outputs);
    return this.add('Gemm', [inner, before, product], this.matrix(`${step}/late`, batch, outputs));
  }

  ones(length: number): string {
    const row = new Float32Array(length).fill(1);
    return this.#constant(onesName(length), tensorOf('float32', [1, length], row));
  }

  integers(...numbers: readonly number[]): string {
    return this.#constant(`block/integers/${numbers}`, tensorOf('int64', [numbers.length], numbers));
  }

  finish(inputs: readonly Value[], outputs: readonly Value[]): StepBody {
    const { graph, value } = this.#body;
    return {
      graph: { ...graph, inputs, outputs, initializers: this.#initializers, nodes: this.#nodes },
      value: (name) => this.#values.get(name) ?? value(name),
    };
  }

  #constant(name: string, stored: Tensor): string {
    this.#initializers.set(name, stored);
    return name;
  }
}

interface LateProduct {
  readonly layer: FirstLayer;
  /** The rows of all the block's examples. */
  readonly rows: string;
  /** Step by step. */
  readonly ownRows: readonly string[];
  readonly step: number;
  /** Of the steps before it, what each changes the layer by. */
  readonly changes: readonly string[];
  readonly product: string;
}
