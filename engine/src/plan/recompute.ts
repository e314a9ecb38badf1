/**
 * Gradient checkpointing (Chen et al. 2016, "Training Deep Nets with Sublinear Memory Cost"): of the forward pass, cut into
 * segments, only what one hands to the next is kept; the backward pass computes the rest of a segment again when it gets
 * there. The same operators on the same numbers, so that what is learned stays the same.
 */
import { type Dimension, type Graph, int, isStatic, type Node, tensorOf, type Value } from '../onnx/index.js';

export interface RecomputeRequest {
  /** The body of the loop. */
  readonly graph: Graph;
  /** The first outputs of the nodes of the forward pass. */
  readonly forward: ReadonlySet<string>;
  /** The input that differs from step to step: what depends on it is large. */
  readonly examples: string;
  /** What the forward pass ends in. */
  readonly result: string;
  /** Values of the graph, for their shapes. */
  readonly value: (name: string) => Value;
  readonly segments: number;
}

export interface Recomputed {
  readonly graph: Graph;
  readonly value: (name: string) => Value;
}

/**
 * Operators that only say anew how elements are arranged. ONNX Runtime makes one of several such in a row, and forgets a shape among
 * them that is computed; so those behind it are computed too.
 */
const views: ReadonlySet<string> = new Set(['Flatten', 'Reshape', 'Squeeze', 'Unsqueeze']);

/** What it drops where it does nothing. */
const transparent: ReadonlySet<string> = new Set(['Cast', 'Dropout', 'Identity']);

export function recompute(request: RecomputeRequest): Recomputed {
  const { graph, forward, examples, result, segments } = request;
  const added = new Map<string, Value>();
  const value = (name: string): Value => added.get(name) ?? request.value(name);
  const isForward = (node: Node): boolean => forward.has(node.outputs[0]);
  const ahead = graph.nodes.filter(isForward);
  const behind = graph.nodes.filter((node) => !isForward(node));
  const ofExamples = dependents(ahead, new Set([examples]));
  const segmentOf = cut(ahead, ofExamples, value, segments);
  const kept = keptValues(graph, ahead, segmentOf);
  const gradients = dependents(behind, new Set([result]));
  const producers = new Map(ahead.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const initializers = new Map(graph.initializers);
  const nodes: Node[] = [...ahead];
  const again = new Map<string, string>();
  const done = new Set<number>();
  let latest: string | undefined;

  const add = (opType: string, inputs: readonly string[], like: Value, attributes = {}): string => {
    nodes.push({ name: like.name, opType, domain: '', inputs, outputs: [like.name], attributes });
    added.set(like.name, like);
    return like.name;
  };
  const store = (name: string, numbers: readonly number[]): string => {
    if (!initializers.has(name)) initializers.set(name, tensorOf('int64', [numbers.length], numbers));
    return name;
  };

  /** A zero that is known only once the backward pass has come so far: what needs it cannot be computed before. */
  const laterZero = (segment: number, gradient: string): string => {
    const name = (part: string): string => `again/${segment}/${part}`;
    const make = (
      opType: string,
      inputs: readonly string[],
      part: string,
      to: Value['dataType'],
      size: number,
    ) =>
      add(
        opType,
        inputs,
        { name: name(part), dataType: to, shape: [size] },
        opType === 'Cast' ? { to: int(7) } : {},
      );
    const flat = elements(value(gradient).shape);
    const row = make('Reshape', [gradient, store('again/flat', [-1])], 'flat', 'float32', flat);
    const first = make('Slice', [row, store('again/0', [0]), store('again/1', [1])], 'first', 'float32', 1);
    return make('Mul', [make('Cast', [first], 'whole', 'int64', 1), 'again/0'], 'zero', 'int64', 1);
  };

  /** What got its shape by a zero that comes later, and that zero. */
  const zeros = new Map<string, string>();

  /** `source` in the shape of `like`, which it gets no sooner than the zero is known. */
  const later = (source: string, like: Value, zero: string): string => {
    const shape = like.shape.map(Number);
    const sizes = store(`again/sizes/${shape.join('x')}`, shape);
    const target = `${like.name}/shape`;
    add('Add', [sizes, zero], { name: target, dataType: 'int64', shape: [shape.length] });
    zeros.set(like.name, zero);
    return add('Reshape', [source, target], like);
  };

  /** Adds a node, as one that waits too where it only arranges anew what waits. */
  const push = (node: Node): void => {
    const [data] = node.inputs;
    const zero = zeros.get(data);
    const arranged = views.has(node.opType) ? value(node.outputs[0]) : undefined;
    if (zero !== undefined && arranged !== undefined && hasAxes(arranged)) {
      later(data, arranged, zero);
      return;
    }
    nodes.push(node);
    if (zero !== undefined && transparent.has(node.opType)) zeros.set(node.outputs[0], zero);
  };

  const repeat = (segment: number, gradient: string): void => {
    done.add(segment);
    const wanted = new Set<Node>();
    const want = (name: string): void => {
      const node = producers.get(name);
      if (node === undefined || wanted.has(node) || kept.has(name) || segmentOf.get(node) !== segment) return;
      wanted.add(node);
      node.inputs.forEach(want);
    };
    for (const node of behind) for (const name of node.inputs) want(name);
    const zero = laterZero(segment, gradient);
    const anchored = new Map<string, string>();
    const isEarly = (name: string): boolean => {
      if (again.has(name) || !(ofExamples.has(name) || name === examples)) return false;
      return hasAxes(value(name));
    };
    const input = (name: string): string => {
      const repeated = again.get(name) ?? anchored.get(name);
      if (repeated !== undefined) return repeated;
      if (!isEarly(name)) return name;
      const { shape, dataType } = value(name);
      const copy = later(name, { name: `again/${segment}/kept/${name}`, dataType, shape }, zero);
      anchored.set(name, copy);
      return copy;
    };
    for (const node of ahead) {
      if (!wanted.has(node)) continue;
      const outputs = node.outputs.map((name) => {
        if (name === '') return '';
        const copy = `again/${segment}/${name}`;
        added.set(copy, { ...value(name), name: copy });
        return copy;
      });
      push({
        ...node,
        name: `again/${segment}/${node.name}`,
        inputs: node.inputs.map(input),
        outputs,
      });
      node.outputs.forEach((name, at) => {
        if (name !== '' && !kept.has(name)) again.set(name, outputs[at]);
      });
    }
  };

  for (const node of behind) {
    for (const name of node.inputs) {
      const producer = producers.get(name);
      const segment = producer === undefined || kept.has(name) ? undefined : segmentOf.get(producer);
      if (segment !== undefined && !done.has(segment) && latest !== undefined) repeat(segment, latest);
    }
    push({ ...node, inputs: node.inputs.map((name) => again.get(name) ?? name) });
    const [first] = node.outputs;
    const { dataType, shape } = value(first);
    if (gradients.has(first) && dataType === 'float32' && isStatic(shape) && elements(shape) > 0)
      latest = first;
  }
  return { graph: { ...graph, nodes, initializers }, value };
}

const hasAxes = ({ shape }: Value): boolean => isStatic(shape) && shape.length > 0;

const elements = (shape: readonly Dimension[]): number =>
  shape.reduce<number>((count, size) => count * Number(size), 1);

/** The values that nodes compute from some that are given. */
function dependents(nodes: readonly Node[], start: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set(start);
  for (const { inputs, outputs } of nodes) {
    if (inputs.some((name) => found.has(name))) for (const name of outputs) found.add(name);
  }
  for (const name of start) found.delete(name);
  return found;
}

/** Segments that put out as much as each other, of the nodes that depend on examples; the last is not repeated. */
function cut(
  nodes: readonly Node[],
  ofExamples: ReadonlySet<string>,
  value: (name: string) => Value,
  segments: number,
): ReadonlyMap<Node, number> {
  const large = nodes.filter(({ outputs }) => ofExamples.has(outputs[0]));
  const sizes = large.map(({ outputs }) => elements(value(outputs[0]).shape));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const found = new Map<Node, number>();
  let before = 0;
  large.forEach((node, at) => {
    const segment = Math.min(segments - 1, Math.floor((segments * before) / total));
    if (segment < segments - 1) found.set(node, segment);
    before += sizes[at];
  });
  return found;
}

/** What stays: outputs, and what a segment hands to another or to the last one. */
function keptValues(
  graph: Graph,
  ahead: readonly Node[],
  segmentOf: ReadonlyMap<Node, number>,
): ReadonlySet<string> {
  const kept = new Set(graph.outputs.map(({ name }) => name));
  const home = new Map(
    ahead.flatMap((node) => node.outputs.map((name) => [name, segmentOf.get(node)] as const)),
  );
  for (const node of ahead) {
    for (const name of node.inputs) if (home.get(name) !== segmentOf.get(node)) kept.add(name);
  }
  return kept;
}
