/** Replaces calls of a model's own functions by their bodies, so that only operators are left. */
import type { onnx } from '../../generated/onnx.js';
import { OnnxError } from './errors.js';

type NodeMessage = onnx.NodeProto.$Properties;
type GraphMessage = onnx.GraphProto.$Properties;
type FunctionMessage = onnx.FunctionProto.$Properties;
type AttributeMessage = onnx.AttributeProto.$Properties;

/** A few bytes of functions that call each other can stand for any number of nodes. */
const nodesMax = 100_000;
const depthMax = 64;

interface Inlining {
  readonly functions: ReadonlyMap<string, FunctionMessage>;
  /** The model's version of the standard operators. */
  readonly opset: number;
  /** Nodes written so far, and the calls, which give each body names of its own. */
  nodes: number;
  calls: number;
}

/**
 * The graph with every call of a model-local function (`FunctionProto`, onnx.proto) written out, functions called by
 * functions too. Values inside a body get names of their own; an attribute that refers to the call's takes its value,
 * or the function's default, or is left out.
 * @throws OnnxError `onnx/inconsistent` for functions that call themselves, `onnx/unsupported` for bodies of another
 * operator set than the model's, or calls beyond any reasonable number
 */
export function inlineFunctions(model: onnx.ModelProto.$Properties, graph: GraphMessage): GraphMessage {
  const functions = new Map(
    (model.functions ?? []).map((body) => [keyOf(body.domain, body.name, body.overload), body]),
  );
  if (functions.size === 0) return graph;
  const opset = versionOf(model.opsetImport);
  return inlineGraph({ functions, opset, nodes: 0, calls: 0 }, graph, []);
}

const keyOf = (
  domain: string | null | undefined,
  name: string | null | undefined,
  overload: string | null | undefined,
): string => `${domain ?? ''}::${name ?? ''}::${overload ?? ''}`;

function versionOf(imports: readonly onnx.OperatorSetIdProto.$Properties[] | null | undefined): number {
  const standard = (imports ?? []).find(({ domain }) => !domain || domain === 'ai.onnx');
  return Number(standard?.version ?? 0);
}

function inlineGraph(state: Inlining, graph: GraphMessage, stack: readonly string[]): GraphMessage {
  return { ...graph, node: (graph.node ?? []).flatMap((node) => inlineNode(state, node, stack)) };
}

function inlineNode(state: Inlining, node: NodeMessage, stack: readonly string[]): readonly NodeMessage[] {
  const key = keyOf(node.domain, node.opType, node.overload);
  const body = state.functions.get(key);
  state.nodes++;
  if (state.nodes > nodesMax) {
    throw new OnnxError(
      'onnx/unsupported',
      `the model's functions stand for more than ${nodesMax} nodes; export it without functions`,
    );
  }
  if (body === undefined) {
    const attribute = (node.attribute ?? []).map((one) =>
      one.g ? { ...one, g: inlineGraph(state, one.g, stack) } : one,
    );
    return [{ ...node, attribute }];
  }
  const place = `node ${node.name || (node.output ?? []).join(', ')} (${node.opType})`;
  if (stack.includes(key) || stack.length >= depthMax) {
    const chain = [...stack, key].map((one) => one.split('::')[1]).join(' → ');
    throw new OnnxError(
      'onnx/inconsistent',
      `${place}: its function calls itself (${chain.slice(0, 200)}), and would never end; export the model again`,
    );
  }
  requireSameOperators(body, state.opset, place);
  const renamed = renamedBody(body, node, `${node.opType}/${state.calls++}`);
  return renamed.flatMap((inner) => inlineNode(state, inner, [...stack, key]));
}

/** Version 18 moved axes of reductions from attributes to inputs; what lies on one side of it reads alike. */
function requireSameOperators(body: FunctionMessage, opset: number, place: string): void {
  const own = versionOf(body.opsetImport);
  if (own === 0 || own === opset || own >= 18 === opset >= 18) return;
  throw new OnnxError(
    'onnx/unsupported',
    `${place}: its function is written in operator set ${own} and the model in ${opset}; convert both to one with onnx.version_converter`,
  );
}

function renamedBody(body: FunctionMessage, call: NodeMessage, prefix: string): readonly NodeMessage[] {
  const names = new Map<string, string>([['', '']]);
  body.output?.forEach((name, index) => {
    const outer = call.output?.[index];
    if (outer) names.set(name, outer);
  });
  // Last, for a body may hand an input through; see below.
  const passed = new Map<string, string>();
  body.input?.forEach((name, index) => {
    passed.set(name, call.input?.[index] ?? '');
  });
  const rename = (name: string): string => passed.get(name) ?? names.get(name) ?? `${prefix}/${name}`;
  const given = new Map((call.attribute ?? []).map((one) => [one.name ?? '', one]));
  const defaults = new Map((body.attributeProto ?? []).map((one) => [one.name ?? '', one]));
  const resolve = (one: AttributeMessage): readonly AttributeMessage[] => {
    if (!one.refAttrName) return [one.g ? { ...one, g: renamedGraph(one.g, rename, prefix, resolve) } : one];
    const value = given.get(one.refAttrName) ?? defaults.get(one.refAttrName);
    return value === undefined ? [] : [{ ...value, name: one.name ?? '' }];
  };
  const nodes = (body.node ?? []).map((node) => renamedNode(node, rename, prefix, resolve));
  const through = (body.output ?? []).flatMap((name, index): readonly NodeMessage[] => {
    const output = call.output?.[index];
    const input = passed.get(name);
    return output && input
      ? [{ name: `${prefix}/${name}`, opType: 'Identity', input: [input], output: [output] }]
      : [];
  });
  return [...nodes, ...through];
}

type Rename = (name: string) => string;
type Resolve = (attribute: AttributeMessage) => readonly AttributeMessage[];

function renamedNode(node: NodeMessage, rename: Rename, prefix: string, resolve: Resolve): NodeMessage {
  return {
    ...node,
    name: `${prefix}/${node.name || node.opType}`,
    input: (node.input ?? []).map(rename),
    output: (node.output ?? []).map(rename),
    attribute: (node.attribute ?? []).flatMap(resolve),
  };
}

function renamedGraph(graph: GraphMessage, rename: Rename, prefix: string, resolve: Resolve): GraphMessage {
  const named = <T extends { name?: string | null }>(one: T): T => ({ ...one, name: rename(one.name ?? '') });
  return {
    ...graph,
    input: (graph.input ?? []).map(named),
    output: (graph.output ?? []).map(named),
    initializer: (graph.initializer ?? []).map(named),
    valueInfo: [],
    node: (graph.node ?? []).map((node) => renamedNode(node, rename, prefix, resolve)),
  };
}
