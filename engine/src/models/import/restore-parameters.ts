/** Gives back to a graph the parameters that exporters hid: transposed copies, joined copies, lost names. */
import {
  type Graph,
  ints,
  type Model,
  type Node,
  type Tensor,
  tensorOf,
  toNumbers,
} from '../../onnx/index.js';
import { kindsOfNames, modulePath } from './parameter-names.js';
import { restoreGroups } from './restore-groups.js';
import { stableLogarithms } from './stable-logarithms.js';
import { useStoredStatistics } from './stored-statistics.js';

/**
 * TorchScript's exporter stores the transpose of a dense layer's weight under a number, and both store a second copy of it where
 * an output layer shares its weight with an embedding, or a decoder with its encoder. Here a copy becomes a `Transpose` of what it is a copy of, so
 * that training keeps them one, and a weight takes the name that its bias tells. Logarithms become stable ones, and
 * batch normalisation uses what is stored.
 */
export function restoreParameters(model: Model): Model {
  const stored = useStoredStatistics({ ...model, graph: separateCopies(model.graph) });
  return { ...model, graph: stableLogarithms(restoreNames(restoreGroups(retie(stored)))) };
}

/** TorchScript's exporter stores equal tensors once, and has each other of them made of that one by an `Identity`. */
function separateCopies(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const nodes = graph.nodes.filter(({ opType, domain, inputs: [from], outputs: [to] }) => {
    const stored = opType === 'Identity' && domain === '' ? graph.initializers.get(from) : undefined;
    if (stored === undefined || graph.outputs.some(({ name }) => name === to)) return true;
    initializers.set(to, stored);
    return false;
  });
  return { ...graph, initializers, nodes };
}

/** Smallest matrix that is believed to be a copy because it equals another's transpose. */
const elementsMin = 16;

function retie(model: Model): Graph {
  const { graph } = model;
  const kindOf = kindsOfNames(model);
  const initializers = new Map(graph.initializers);
  const nodes: Node[] = [];
  const gathered = new Set(graph.nodes.flatMap((node) => (node.opType === 'Gather' ? [node.inputs[0]] : [])));
  const parameters = [...initializers.keys()].filter((name) => kindOf(name) === 'parameter');
  for (const [name, stored] of graph.initializers) {
    if (!isMatrix(stored) || stored.data.length < elementsMin || gathered.has(name)) continue;
    // Zeros, or ones, are equal without being a copy.
    if (stored.data.every((value: number | bigint) => value === stored.data[0])) continue;
    const originals = kindOf(name) === 'made-up' ? new Set([...gathered, ...parameters]) : gathered;
    const original = [...originals].find((other) => {
      const candidate = initializers.get(other);
      return candidate !== undefined && isMatrix(candidate) && equalsTransposed(candidate, stored);
    });
    if (original === undefined) continue;
    initializers.delete(name);
    nodes.push(transposeNode(original, name));
  }
  return { ...graph, initializers, nodes: [...nodes, ...graph.nodes] };
}

function restoreNames(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const users = new Map<string, Node>();
  for (const node of graph.nodes) for (const name of node.inputs) users.set(name, node);
  const nodes: Node[] = [];
  for (const node of graph.nodes) {
    const [, weight] = node.inputs;
    const stored = initializers.get(weight);
    if (node.opType !== 'MatMul' || stored === undefined || !isMatrix(stored) || !isLost(weight)) continue;
    const name =
      nameFromBias(users.get(node.outputs[0]), initializers) ?? nameFromPath(node.name, initializers);
    if (name === undefined || initializers.has(name)) continue;
    initializers.delete(weight);
    initializers.set(name, transposed(stored));
    nodes.push(transposeNode(name, weight));
  }
  return { ...graph, initializers, nodes: [...nodes, ...graph.nodes] };
}

const isMatrix = ({ dataType, shape }: Tensor): boolean => dataType === 'float32' && shape.length === 2;

/** Names that the exporters made up. */
const isLost = (name: string): boolean => /^(onnx::|val_\d+$|_val_|_to_copy)/.test(name);

/** The bias added to the product says whose weight it is. */
function nameFromBias(user: Node | undefined, initializers: ReadonlyMap<string, Tensor>): string | undefined {
  if (user?.opType !== 'Add') return undefined;
  const bias = user.inputs.find((name) => initializers.has(name) && /(^|[._])bias$/.test(name));
  return bias?.replace(/bias$/, 'weight');
}

/** `/encoder/layers.0/linear1/MatMul` is `encoder.layers.0.linear1.weight`. */
function nameFromPath(name: string, initializers: ReadonlyMap<string, Tensor>): string | undefined {
  const path = modulePath(name);
  if (path === undefined) return undefined;
  return initializers.has(`${path}.in_proj_bias`) ? `${path}.in_proj_weight` : `${path}.weight`;
}

function transposed(stored: Tensor): Tensor {
  const [rows, columns] = stored.shape;
  const values = toNumbers(stored);
  const data = values.map((_, at) => values[(at % rows) * columns + Math.floor(at / rows)]);
  return tensorOf('float32', [columns, rows], data);
}

function equalsTransposed(a: Tensor, b: Tensor): boolean {
  const [rows, columns] = a.shape;
  if (b.shape[0] !== columns || b.shape[1] !== rows) return false;
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) if (a.data[i * columns + j] !== b.data[j * rows + i]) return false;
  }
  return true;
}

const transposeNode = (from: string, to: string): Node => ({
  name: `restore/${to}`,
  opType: 'Transpose',
  domain: '',
  inputs: [from],
  outputs: [to],
  attributes: { perm: ints([1, 0]) },
});
