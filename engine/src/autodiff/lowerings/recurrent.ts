/** What LSTM, GRU and RNN have in common: directions, steps and the layout of their outputs. */
import { floatAttribute, intAttribute, stringAttribute } from '../../onnx/attributes.js';
import { type GraphBuilder, int, type Node, type Value } from '../../onnx/index.js';
import type { Cell, CellStep } from './cell.js';
import { knownSize, operand, refuse } from './lowering.js';

/** One direction: from the input's part of all steps to the states after each of them. */
export interface Direction {
  /** `[steps, batch, gates · hidden]`: the input's part of the gates, with its bias. */
  readonly projected: Value;
  /** `[batch, hidden]` for each state. */
  readonly initial: readonly Value[];
  readonly step: CellStep;
  /** Whether it begins at the last step. */
  readonly backward: boolean;
}

export interface Ran {
  /** `[steps, batch, hidden]`, in the order of the input. */
  readonly hidden: Value;
  /** `[batch, hidden]` for each state, after the last step. */
  readonly last: readonly Value[];
}

/** Longest sequence that is unrolled: each step is a dozen nodes, and as many for the gradient. */
const stepsMax = 1024;

/**
 * From this many steps on, a loop in the graph (training-forms/recurrent.ts) trains faster than unrolled steps. Milliseconds of
 * a training step on one thread of an AMD EPYC, batch 20, unrolled and looped: a GRU of 64 units 2.3 and 2.0 over 16 steps,
 * 5.2 and 3.6 over 64; an LSTM 1.2 and 1.1, 5.6 and 4.3; an RNN 0.36 and 0.32, 1.4 and 1.2. Over 8 steps both take the same, but the
 * loop's session loads in 10 ms instead of 34, and over 64 in 9 instead of 545.
 */
const loopedFrom = 8;

/** Whether a recurrent node is trained as a loop: not where its steps are few, or are not known. */
export function isLooped(x: Value | undefined): boolean {
  const steps = x?.shape[0];
  return typeof steps === 'number' && steps >= loopedFrom;
}

/** Writes the steps out one by one. */
export function unroll(
  b: GraphBuilder,
  node: Node,
  inputs: readonly (Value | undefined)[],
  cell: Cell,
): readonly Value[] {
  const steps = knownSize(node, operand(node, inputs, 0), 0);
  if (steps > stepsMax) refuse(node, `it runs ${steps} steps, more than ${stepsMax}`, 'cut the sequences');
  return recurrent(b, node, inputs, cell, ({ projected, initial, step, backward }) => {
    let states = initial;
    const own = stepsOf(b, projected, steps);
    const after = (backward ? own.toReversed() : own).map((one) => {
      states = step(b, one, states);
      return states[0];
    });
    const rows = (backward ? after.toReversed() : after).map((one) => b.op('Unsqueeze', [one, b.ints([0])]));
    return { hidden: rows.length === 1 ? rows[0] : b.op('Concat', rows, { axis: int(0) }), last: states };
  });
}

/** A recurrent node, whose steps `run` puts together. */
export function recurrent(
  b: GraphBuilder,
  node: Node,
  inputs: readonly (Value | undefined)[],
  cell: Cell,
  run: (direction: Direction) => Ran,
): readonly Value[] {
  requireSimple(node, inputs);
  const x = operand(node, inputs, 0);
  const kind = stringAttribute(node, 'direction', 'forward');
  const count = kind === 'bidirectional' ? 2 : 1;
  const starts = Array.from({ length: cell.states }, (_, i) => parts(b, inputs[5 + i], count));
  const [weights, recurrents, biases] = [1, 2, 3].map((index) => parts(b, inputs[index], count));
  const runs = Array.from({ length: count }, (_, d): Ran => {
    const [w, r] = [weights[d], recurrents[d]];
    if (w === undefined || r === undefined) return refuse(node, 'it lacks weights', 'check the model');
    const halves = biases[d] && b.ops('Split', [biases[d]], 2, { axis: int(0), num_outputs: int(2) });
    const bias = halves && (cell.joinsBiases ? b.op('Add', [halves[0], halves[1]]) : halves[0]);
    const product = b.op('MatMul', [x, b.op('Transpose', [w])]);
    const projected = bias === undefined ? product : b.op('Add', [product, bias]);
    const hiddenSize = knownSize(node, r, 1);
    return run({
      projected,
      initial: starts.map((state) => state[d] ?? zeros(b, x, hiddenSize)),
      step: cell.prepare(b, r, cell.joinsBiases ? undefined : halves?.[1]),
      backward: kind === 'reverse' || d === 1,
    });
  });
  const join = (values: readonly Value[], axis: number): Value => {
    const spread = values.map((value) => b.op('Unsqueeze', [value, b.ints([axis])]));
    return spread.length === 1 ? spread[0] : b.op('Concat', spread, { axis: int(axis) });
  };
  const last = Array.from({ length: cell.states }, (_, i) =>
    join(
      runs.map((ran) => ran.last[i]),
      0,
    ),
  );
  return [
    join(
      runs.map(({ hidden }) => hidden),
      1,
    ),
    ...last,
  ];
}

/** Activations may be named, for each direction, as long as they are those that are meant anyway. */
export function requireUsual(node: Node, usual: readonly string[]): void {
  const named = node.attributes.activations;
  if (
    named === undefined ||
    (named.kind === 'strings' &&
      named.value.length % usual.length === 0 &&
      named.value.every((kind, i) => kind === usual[i % usual.length]))
  )
    return;
  refuse(node, 'it names other activations', `use ${usual.join(', ')}`);
}

function requireSimple(node: Node, inputs: readonly (Value | undefined)[]): void {
  if (inputs[4] !== undefined) refuse(node, 'its sequences differ in length', 'pad them to one length');
  if (inputs[7] !== undefined) refuse(node, 'it has peepholes', 'leave them out');
  if (intAttribute(node, 'layout', 0) !== 0) refuse(node, 'its layout is 1', 'put the steps first');
  if (floatAttribute(node, 'clip', 0) !== 0) refuse(node, 'it clips its gates', 'leave clip out');
  if (intAttribute(node, 'input_forget', 0) !== 0) refuse(node, 'its gates are coupled', 'leave it out');
}

/** A tensor with a leading axis of directions, taken apart. */
function parts(b: GraphBuilder, value: Value | undefined, count: number): readonly Value[] {
  if (value === undefined) return [];
  const split =
    count === 1 ? [value] : b.ops('Split', [value], count, { axis: int(0), num_outputs: int(count) });
  return split.map((part) => b.op('Squeeze', [part, b.ints([0])]));
}

function stepsOf(b: GraphBuilder, sequence: Value, steps: number): readonly Value[] {
  const split =
    steps === 1 ? [sequence] : b.ops('Split', [sequence], steps, { axis: int(0), num_outputs: int(steps) });
  return split.map((step) => b.op('Squeeze', [step, b.ints([0])]));
}

/** A state before the first step; `x` is `[steps, batch, features]`. */
function zeros(b: GraphBuilder, x: Value, hiddenSize: number): Value {
  const [, batch] = x.shape;
  if (typeof batch === 'number') return b.op('Expand', [b.scalar(0), b.ints([batch, hiddenSize])]);
  const size = b.op('Slice', [b.op('Shape', [x]), b.ints([1]), b.ints([2])]);
  const shape = b.op('Concat', [size, b.ints([hiddenSize])], { axis: int(0) });
  return b.op('Expand', [b.scalar(0), shape]);
}
