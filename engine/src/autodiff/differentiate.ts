/** Reverse-mode differentiation of a graph: the gradient of a scalar as further nodes of the same graph. */
import { describe } from '../onnx/attributes.js';
import { formatShape } from '../onnx/dimensions.js';
import { type Graph, type GraphBuilder, isFloatingPoint, type Node, type Value } from '../onnx/index.js';
import type { GradientContext } from './context.js';
import { AutodiffError } from './errors.js';
import { add, sameShape, zerosLike } from './expressions.js';
import { isTrainedLoop, readsOf } from './loops.js';
import { gradientRules, withoutGradient } from './rules/index.js';
import { loop } from './rules/loop.js';

export interface DifferentiateRequest {
  /** What is differentiated: one element, unless `lossGradient` says how its elements are weighted. */
  readonly loss: Value;
  /** The values whose gradients are wanted: parameters, usually. */
  readonly withRespectTo: readonly Value[];
  /**
   * What the gradient starts from, shaped like the loss; 1 unless given. As the rest is linear in it, a
   * factor here (such as minus the learning rate) is a factor of every gradient.
   */
  readonly lossGradient?: Value;
  /** Values that count as constants. */
  readonly stop?: readonly Value[];
}

/**
 * Adds the nodes that compute d loss / d value for each value of `withRespectTo`, and gives these gradients
 * in that order, each of its value's shape. A value the loss does not depend on gets zeros.
 *
 * Only nodes between these values and the loss are differentiated, so nothing is computed for data. Rules may
 * ask existing nodes for further outputs (a pool for its indices).
 *
 * @throws AutodiffError `autodiff/no-rule` and `autodiff/unsupported` name the node and the remedy;
 * `autodiff/request` is a loss that is no scalar or depends on none of the values.
 */
export function differentiate(builder: GraphBuilder, request: DifferentiateRequest): readonly Value[] {
  const { loss, withRespectTo } = request;
  const active = activeValues(
    builder.nodes,
    withRespectTo,
    (name) => builder.value(name),
    new Set(request.stop?.map(({ name }) => name)),
  );
  if (!active.has(loss.name)) {
    throw new AutodiffError(
      'autodiff/request',
      `the loss ${loss.name} depends on none of ${withRespectTo.map(({ name }) => name).join(', ')}; check the names`,
    );
  }
  const asked = new Set(withRespectTo.map(({ name }) => name));
  const seed = request.lossGradient ?? one(builder, loss);
  const gradients = propagate(builder, { nodes: [...builder.nodes], active, asked, seeds: [[loss, seed]] });
  return withRespectTo.map((value) => gradients.get(value.name) ?? zerosLike(builder, value));
}

/**
 * The gradients of the values that `nodes` compute from `sources`, added to `builder`, which knows all of these values. Each seed is a
 * value and its gradient.
 */
export function gradientsWithin(
  builder: GraphBuilder,
  nodes: readonly Node[],
  sources: readonly Value[],
  seeds: Propagation['seeds'],
): ReadonlyMap<string, Value> {
  const active = activeValues(nodes, sources, (name) => builder.value(name));
  return propagate(builder, { nodes, active, asked: new Set(), seeds });
}

interface Propagation {
  /** Nodes in topological order; those that rules append meanwhile are not among them. */
  readonly nodes: readonly Node[];
  readonly active: ReadonlySet<string>;
  readonly asked: ReadonlySet<string>;
  /** Values, and the gradients that they start with. */
  readonly seeds: readonly (readonly [Value, Value])[];
}

/** Walks the nodes from last to first; gives the gradient of every active value that got one. */
function propagate(
  builder: GraphBuilder,
  { nodes, active, asked, seeds }: Propagation,
): ReadonlyMap<string, Value> {
  const gradients = new Map<string, Value>();
  let current: Node | undefined;
  const accumulate = (value: Value, gradient: Value): void => {
    if (!active.has(value.name)) return;
    if (!sameShape(value.shape, gradient.shape)) {
      const at = current === undefined ? '' : `${describe(current)}: `;
      throw new AutodiffError(
        'autodiff/unsupported',
        `${at}the gradient of ${value.name} ${formatShape(value.shape)} has the shape ${formatShape(gradient.shape)}: sizes of the model contradict each other, or are not known; export it with fixed sizes but the batch`,
      );
    }
    const sum = gradients.get(value.name);
    gradients.set(value.name, sum === undefined ? gradient : add(builder, sum, gradient));
  };
  for (const [value, gradient] of seeds) accumulate(value, gradient);
  for (const node of nodes.toReversed()) {
    const outputGradients = node.outputs.map((name) => gradients.get(name));
    if (outputGradients.every((gradient) => gradient === undefined)) continue;
    if (!readsOf(node).some((name) => active.has(name))) continue;
    current = node;
    ruleOf(node)(contextOf(builder, node, outputGradients, { active, asked, giveTo: accumulate }));
  }
  return gradients;
}

function one(builder: GraphBuilder, loss: Value): Value {
  if (loss.shape.some((size) => size !== 1)) {
    throw new AutodiffError(
      'autodiff/request',
      `the loss ${loss.name} has shape ${formatShape(loss.shape)}, not one element; reduce it, or give lossGradient`,
    );
  }
  const scalar = builder.scalar(1, loss.dataType);
  return loss.shape.length === 0
    ? scalar
    : builder.op('Reshape', [scalar, builder.ints(loss.shape.map(() => 1))]);
}

/** The names of the values that depend on one of `sources` in a way that has a derivative. */
function activeValues(
  nodes: readonly Node[],
  sources: readonly Value[],
  lookUp: (name: string) => Value,
  stop: ReadonlySet<string> = new Set(),
): ReadonlySet<string> {
  const active = new Set(sources.map(({ name }) => name));
  for (const node of nodes) {
    refuseCaptures(node, active);
    if (withoutGradient.has(node.opType) || !readsOf(node).some((name) => active.has(name))) continue;
    for (const name of node.outputs) {
      if (name === '' || stop.has(name)) continue;
      // Quantized integers stand for numbers: their gradient is that of what they stand for.
      if (isFloatingPoint(lookUp(name).dataType) || node.opType === 'QuantizeLinear') active.add(name);
    }
  }
  return active;
}

/** The body of a control-flow node may use outer values without naming them as inputs. */
function refuseCaptures(node: Node, active: ReadonlySet<string>): void {
  if (isTrainedLoop(node)) return;
  for (const attribute of Object.values(node.attributes)) {
    if (attribute.kind !== 'graph') continue;
    const captured = capturedNames(attribute.value).find((name) => active.has(name));
    if (captured === undefined) continue;
    throw new AutodiffError(
      'autodiff/unsupported',
      `${describe(node)} uses ${captured} inside its body, and control flow has no gradient; unroll it`,
    );
  }
}

function capturedNames(graph: Graph): readonly string[] {
  return graph.nodes.flatMap((node) => [
    ...node.inputs,
    ...Object.values(node.attributes).flatMap((a) => (a.kind === 'graph' ? capturedNames(a.value) : [])),
  ]);
}

function ruleOf(node: Node) {
  if (isTrainedLoop(node)) return loop;
  const rule = node.domain === '' || node.domain === 'ai.onnx' ? gradientRules.get(node.opType) : undefined;
  if (rule === undefined) {
    throw new AutodiffError(
      'autodiff/no-rule',
      `${describe(node)} lies between the parameters and the loss, and its operator has no gradient rule; replace it in the model, or add a rule to autodiff/rules`,
    );
  }
  return rule;
}

/** What the walk tells every rule. */
interface Walk {
  readonly active: ReadonlySet<string>;
  readonly asked: ReadonlySet<string>;
  readonly giveTo: (value: Value, gradient: Value) => void;
}

function contextOf(
  builder: GraphBuilder,
  node: Node,
  gradients: readonly (Value | undefined)[],
  { active, asked, giveTo }: Walk,
): GradientContext {
  const optional = (name: string) => (name === '' ? undefined : builder.value(name));
  const inputs = node.inputs.map(optional);
  return {
    builder,
    node,
    inputs,
    outputs: node.outputs.map(optional),
    gradients,
    needs: (index) => active.has(node.inputs[index] ?? ''),
    isActive: (name) => active.has(name),
    within: gradientsWithin,
    isAsked: ({ name }) => asked.has(name),
    give(index, gradient) {
      const value = inputs[index];
      if (value !== undefined) giveTo(value, gradient);
    },
    giveTo,
    through(build) {
      const first = builder.nodes.length;
      const outputs = build();
      const nodes = builder.nodes.slice(first);
      const sources = inputs.flatMap((value) => (value && active.has(value.name) ? [value] : []));
      const inner = activeValues(nodes, sources, (name) => builder.value(name));
      const seeds = outputs.flatMap((value, index): (readonly [Value, Value])[] => {
        const gradient = gradients[index];
        return value === undefined || gradient === undefined ? [] : [[value, gradient]];
      });
      const found = propagate(builder, { nodes, active: inner, asked, seeds });
      for (const name of new Set(node.inputs)) {
        const gradient = found.get(name);
        if (gradient !== undefined) giveTo(builder.value(name), gradient);
      }
    },
  };
}
