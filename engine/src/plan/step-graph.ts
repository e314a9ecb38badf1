/** The body of the training loop: one mini-batch forward, backward and through the optimizer. */
import { differentiate, forTraining } from '../autodiff/index.js';
import type { LossGraph } from '../losses/index.js';
import { allParameters, type TrainableModel } from '../models/trainable.js';
import type { GraphBuilder, Value } from '../onnx/index.js';
import type { OptimizerGraph, PreparedOptimizer } from '../optimizers/index.js';

export interface StepParts {
  readonly model: TrainableModel;
  readonly loss: LossGraph;
  readonly optimizer: OptimizerGraph;
}

/** Values of the graph around the loop. */
export interface StepValues {
  /** All parameters of the model, shared and local, in order; those that no step changes are read, not carried. */
  readonly parameters: readonly Value[];
  /** Slot by slot, in each the trainable parameters in order. */
  readonly slots: readonly Value[];
  /** `[rows, …]`, of which each step takes some. */
  readonly examples: Value;
  /** `[steps, batch]` int32: which. */
  readonly order: Value;
  /** `[steps, …]`, as the loss prepared them. */
  readonly preparedLoss: readonly Value[];
  readonly preparedOptimizer: PreparedOptimizer;
  /** `[steps]` int32. */
  readonly dropoutSeeds: Value | undefined;
  /** `[steps, batch]`, where the model wants them. */
  readonly exampleWeights: Value | undefined;
  /** FedProx's term, where there is one. */
  readonly proximal: ProximalTerm | undefined;
  /** What is added to each parameter's gradient, in the model's order; where there is something. */
  readonly corrections: readonly Value[] | undefined;
}

/** `μ (w - w₀)` is added to the gradient (Li et al. 2020, eq. 2). */
export interface ProximalTerm {
  /** The checkpoint's parameters, in the model's order: what is local is pulled nowhere. */
  readonly start: readonly Value[];
  /** μ times the gradient scale, a scalar. */
  readonly factor: Value;
}

export interface StepGraph {
  /** Inputs: states, then slices. Outputs: new states, then the model's output `[batch, …outputShape]`. */
  readonly body: GraphBuilder;
  /** What the loop starts with, in the order of the body's states. */
  readonly states: readonly Value[];
  /** The first outputs of the nodes of the forward pass, and the step's examples, which they start from. */
  readonly forward: ReadonlySet<string>;
  readonly examples: string;
  /** What the model puts out, from which the gradient goes back. */
  readonly result: string;
  /** What the loop walks through, in the order of the body's slices. */
  readonly scanned: readonly Value[];
}

export function stepGraph(outer: GraphBuilder, parts: StepParts, values: StepValues): StepGraph {
  const { model, loss, optimizer } = parts;
  const { preparedLoss, preparedOptimizer, proximal, corrections } = values;
  const body = outer.subgraph('step');
  const states: Value[] = [];
  const scanned: Value[] = [];
  const carry = (value: Value): Value => {
    states.push(value);
    return body.input(`${value.name}/now`, value.dataType, value.shape);
  };
  const walk = (value: Value): Value => {
    scanned.push(value);
    return body.input(`${value.name}/step`, value.dataType, value.shape.slice(1));
  };

  const carried = carriedParameters(model);
  const current = values.parameters.map((value, index) => (carried.has(index) ? carry(value) : value));
  const slots = values.slots.map(carry);
  const input = body.op('Gather', [values.examples, walk(values.order)]);
  const lossSlices = preparedLoss.map(walk);
  const perStep = preparedOptimizer.perStep.map(walk);
  const dropoutSeed = values.dropoutSeeds === undefined ? undefined : walk(values.dropoutSeeds);
  const weights = values.exampleWeights === undefined ? undefined : walk(values.exampleWeights);

  const forward = body.subgraph('forward');
  const replaced = new Map<number, Value>();
  const stopped: Value[] = [];
  const result = model.forward(forward, input, current, {
    ...(dropoutSeed === undefined ? {} : { dropoutSeed }),
    ...(weights === undefined
      ? {}
      : { step: { weights, replace: (index, value) => void replaced.set(index, value) } }),
    stopGradient: (value) => void stopped.push(value),
  });
  const [output, ...copies] = forTraining(body, forward, [result, ...stopped, ...replaced.values()], input);
  const forwardOutputs = new Set(body.nodes.map(({ outputs }) => outputs[0]));
  const after = new Map([...replaced.keys()].map((index, at) => [index, copies[stopped.length + at]]));
  const trainable = allParameters(model).flatMap(({ trainable }, index) => (trainable ? [index] : []));
  const gradients = differentiate(body, {
    loss: output,
    lossGradient: loss.gradient(body, output, lossSlices),
    withRespectTo: trainable.map((index) => current[index]),
    stop: copies.slice(0, stopped.length),
  });

  const updates = trainable.map((index, at) => {
    const parameter = current[index];
    const shared = index < model.parameters.length;
    const pulled = proximal && shared ? pull(body, gradients[at], parameter, index, proximal) : gradients[at];
    const gradient = corrections && shared ? body.op('Add', [pulled, corrections[index]]) : pulled;
    return optimizer.update(body, {
      parameter,
      gradient,
      slots: optimizer.slotNames.map((_, slot) => slots[slot * trainable.length + at]),
      constants: preparedOptimizer.constants,
      perStep,
    });
  });
  trainable.forEach((index, at) => {
    after.set(index, updates[at].parameter);
  });
  for (const index of carried) body.output(after.get(index) ?? current[index]);
  for (const slot of optimizer.slotNames.keys()) {
    for (const update of updates) body.output(update.slots[slot]);
  }
  body.output(output);
  return { body, states, scanned, forward: forwardOutputs, examples: input.name, result: output.name };
}

/** Indices of the parameters that a step changes, in order. */
export function carriedParameters(model: TrainableModel): ReadonlySet<number> {
  const { statistics } = model;
  return new Set(
    allParameters(model).flatMap(({ trainable }, index) =>
      trainable || statistics?.has(index) ? [index] : [],
    ),
  );
}

function pull(
  body: GraphBuilder,
  gradient: Value,
  parameter: Value,
  index: number,
  { start, factor }: ProximalTerm,
): Value {
  const distance = body.op('Sub', [parameter, start[index]]);
  return body.op('Add', [gradient, body.op('Mul', [distance, factor])]);
}
