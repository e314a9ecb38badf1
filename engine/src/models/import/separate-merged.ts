/** Takes apart what an exporter made one because it was equal. */
import { onnx } from '../../../generated/onnx.js';
import { signatureKey } from './parameter-names.js';

type GraphMessage = onnx.GraphProto.$Properties;
type NodeMessage = onnx.NodeProto.$Properties;
type TensorMessage = onnx.TensorProto.$Properties;

/** What a node was before it was exported: `%linear : [num_users=1] = call_function[target=…](args = (%x, %p_fc_weight), …)`. */
const sourceKey = 'pkg.torch.onnx.fx_node';

/** Outputs of the widest layer that is believed to have had a bias of zeros: nobody has checked yet what a file says of its sizes. */
const zerosMax = 2 ** 20;

/** Normalisations without weights of their own, to which the exporter gives ones. */
const filledIn: ReadonlySet<string> = new Set([
  'BatchNormalization',
  'InstanceNormalization',
  'LayerNormalization',
]);

/** What the weight and the bias of a group normalisation, stored with further axes under names of the exporter, are used by. */
const groupParts: Readonly<Record<string, string>> = { Mul: 'weight', Add: 'bias' };

/**
 * The exporter of `torch.onnx.export(..., dynamo=True)` stores equal tensors once, so that in a model that was not trained yet all
 * normalisations of one width have one weight, and all layers of an encoder one bias. Trained like that they would stay one. It
 * leaves out a bias of zeros, too. It also notes which parameters each node took, and by these notes each gets its own again; what the
 * source shares stays shared.
 */
export function separateMerged(graph: GraphMessage): GraphMessage {
  const listed = listedTensors(graph);
  if (listed.size === 0) return graph;
  const stored = new Map((graph.initializer ?? []).map((tensor) => [tensor.name ?? '', tensor]));
  const file: File = {
    listed,
    targets: new Set(listed.values()),
    stored,
    uses: usesOf(graph, stored),
    own: new Map(),
    constants: [],
    owners: new Map(),
    added: new Set((graph.node ?? []).flatMap((node) => (node.opType === 'Add' ? [sourceOf(node)] : []))),
  };
  const node = (graph.node ?? []).map((each) => separated(each, file));
  return {
    ...graph,
    node: [...file.constants, ...node],
    initializer: [...(graph.initializer ?? []), ...file.own.values()],
  };
}

interface File {
  /** Tensors of the source by what notes call them. */
  readonly listed: ReadonlyMap<string, string>;
  readonly targets: ReadonlySet<string>;
  readonly stored: ReadonlyMap<string, TensorMessage>;
  /** How many inputs take each stored tensor. */
  readonly uses: ReadonlyMap<string, number>;
  /** Tensors that get stored beside them. */
  readonly own: Map<string, TensorMessage>;
  readonly constants: NodeMessage[];
  /** Of matrices under names of the exporter, the parameters of the node that keeps the name. */
  readonly owners: Map<string, string>;
  /** Notes of additions: a product with the same one has its bias there. */
  readonly added: ReadonlySet<string | undefined>;
}

const sourceOf = ({ metadataProps }: NodeMessage): string | undefined =>
  metadataProps?.find(({ key }) => key === sourceKey)?.value ?? undefined;

/** The node with tensors of its own. */
function separated(node: NodeMessage, file: File): NodeMessage {
  const source = sourceOf(node);
  if (source === undefined) return node;
  const taken = [...source.matchAll(/%(\w+)/g)].flatMap(([, name]) => file.listed.get(name) ?? []);
  const noted: Noted = { node, source, taken, input: [...(node.input ?? [])] };
  nameMerged(noted, file);
  splitMatrices(noted, file);
  nameGroupPart(noted, file);
  addBias(noted, file);
  return { ...node, input: noted.input };
}

interface Noted {
  readonly node: NodeMessage;
  readonly source: string;
  /** What the node took of the source. */
  readonly taken: readonly string[];
  /** The node's inputs, which are changed. */
  readonly input: string[];
}

/** Parameters that are stored under the name of an equal one. */
function nameMerged({ node, taken, input }: Noted, { targets, stored, uses, own, constants }: File): void {
  const shared = input.flatMap((name, at) => (targets.has(name) && (uses.get(name) ?? 0) > 1 ? [at] : []));
  for (const [at, target] of assignments(input, shared, taken, stored)) {
    const tensor = stored.get(input[at]);
    if (target !== undefined) own.set(target, { ...tensor, name: target });
    else if (!filledIn.has(node.opType ?? '')) continue;
    const name = target ?? `${node.output?.[0]}/filled-in/${at}`;
    if (target === undefined) constants.push(constantNode(name, { ...tensor, name }));
    input[at] = name;
  }
}

/** Weights that are stored transposed, under a name that the exporter made up. */
function splitMatrices({ taken, input }: Noted, { targets, stored, uses, own, owners }: File): void {
  const of = taken.filter((target) => !stored.has(target) && roleOf(target) !== 'bias').join();
  if (of === '') return;
  for (const [at, name] of input.entries()) {
    if (targets.has(name) || (uses.get(name) ?? 0) < 2 || !isMatrix(stored.get(name))) continue;
    if ((owners.get(name) ?? of) === of) {
      owners.set(name, of);
      continue;
    }
    input[at] = `_val_/${of}`;
    own.set(input[at], { ...stored.get(name), name: input[at] });
  }
}

/** Weight or bias of a group normalisation, stored with further axes under a name that the exporter made up. */
function nameGroupPart({ node, source, taken, input }: Noted, { targets, stored, own }: File): void {
  const part = source.includes('aten.group_norm') ? groupParts[node.opType ?? ''] : undefined;
  const target = taken.find((name) => !stored.has(name) && roleOf(name) === part);
  const folded = stored.get(input[1] ?? '');
  if (target === undefined || folded === undefined || targets.has(input[1])) return;
  own.set(target, { ...folded, name: target });
  input[1] = target;
}

/** A bias of zeros, which is not stored at all. */
function addBias({ node, source, taken, input }: Noted, { stored, own, added }: File): void {
  const bias = taken.at(-1);
  if (added.has(source)) return;
  if (input.length !== 2 || !bias?.endsWith('bias') || stored.has(bias)) return;
  const count = outputsOf(node, own.get(input[1]) ?? stored.get(input[1]));
  if (count < 1 || count > zerosMax) return;
  own.set(bias, zeros(bias, count));
  input.push(bias);
}

/** Of a layer that may have a bias, the outputs; 0 is none. */
function outputsOf(node: NodeMessage, weight: TensorMessage | undefined): number {
  const [first, second] = weight?.dims ?? [];
  if (node.opType === 'Conv') return Number(first ?? 0);
  if (node.opType !== 'Gemm') return 0;
  return Number((intOf(node, 'transB') === 1 ? first : second) ?? 0);
}

function usesOf({ node }: GraphMessage, names: ReadonlyMap<string, unknown>): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  for (const name of (node ?? []).flatMap(({ input }) => input ?? [])) {
    if (names.has(name)) uses.set(name, (uses.get(name) ?? 0) + 1);
  }
  return uses;
}

/** The parameters and buffers of the source by the names that nodes have for them: `p_fc_weight` is `fc.weight`. */
function listedTensors({ metadataProps }: GraphMessage): ReadonlyMap<string, string> {
  const signature = metadataProps?.find(({ key }) => key === signatureKey)?.value ?? '';
  return new Map(
    [...signature.matchAll(/^(\S+): (?:PARAMETER|BUFFER) target='([^']+)'/gm)].map(([, name, target]) => [
      name,
      target,
    ]),
  );
}

/**
 * Which of the inputs at these places are to be which tensor of the source: undefined is none, where the source has no more.
 * As inputs stand in the order of the source's where nothing was rewritten, that order is tried first.
 */
function assignments(
  input: readonly string[],
  places: readonly number[],
  taken: readonly string[],
  stored: ReadonlyMap<string, TensorMessage>,
): readonly (readonly [number, string | undefined])[] {
  // A matrix is no bias, but statistics may have equalled a weight.
  const isVector = (at: number): boolean => stored.get(input[at])?.dims?.length === 1;
  const fits = (at: number, target: string): boolean =>
    input[at] === target || (!stored.has(target) && (isVector(at) || roleOf(input[at]) === roleOf(target)));
  if (places.length === taken.length && places.every((at, index) => fits(at, taken[index]))) {
    return places.flatMap((at, index) => (input[at] === taken[index] ? [] : [[at, taken[index]] as const]));
  }
  const left = [...taken];
  const unexplained = places.filter((at) => {
    const found = left.indexOf(input[at]);
    if (found >= 0) left.splice(found, 1);
    return found < 0;
  });
  return unexplained.flatMap((at): (readonly [number, string | undefined])[] => {
    if (left.length === 0) return [[at, undefined]];
    const alike = left.filter((target) => !stored.has(target) && roleOf(target) === roleOf(input[at]));
    if (alike.length !== 1) return [];
    left.splice(left.indexOf(alike[0]), 1);
    return [[at, alike[0]]];
  });
}

const isMatrix = (tensor: TensorMessage | undefined): boolean =>
  tensor?.dataType === onnx.TensorProto.DataType.FLOAT && tensor.dims?.length === 2;

const intOf = ({ attribute }: NodeMessage, name: string): number =>
  Number(attribute?.find((one) => one.name === name)?.i ?? 0);

const zeros = (name: string, count: number): TensorMessage => ({
  name,
  dims: [count],
  dataType: onnx.TensorProto.DataType.FLOAT,
  rawData: new Uint8Array(count * Float32Array.BYTES_PER_ELEMENT),
});

const roleOf = (name: string): string =>
  /(weight|bias)$/.exec(name)?.[1] ?? name.slice(name.lastIndexOf('.') + 1);

function constantNode(name: string, tensor: TensorMessage): NodeMessage {
  return {
    name,
    opType: 'Constant',
    output: [name],
    attribute: [{ name: 'value', type: onnx.AttributeProto.AttributeType.TENSOR, t: tensor }],
  };
}
