import { graphOfAttribute, intAttribute, intsAttribute } from '../../onnx/attributes.js';
import { type Graph, type GraphBuilder, graphAttribute, int, ints, type Value } from '../../onnx/index.js';
import { type GradientContext, type GradientRule, unsupported } from '../context.js';
import { reduceSum, zerosLike } from '../expressions.js';

/**
 * Backpropagation through time (Werbos 1990): a second loop in the other direction, whose states are the gradients of the
 * first one's, and which reads what the first one gave. Gradients of weights are products over all steps at once, after it.
 */
export const loop: GradientRule = (context) => {
  const { builder: b, node, gradients } = context;
  const body = graphOfAttribute(node, 'body');
  const states = node.inputs.length - intAttribute(node, 'num_scan_inputs', 0);
  const products = productsWithOutside(context, body);
  const kept = keptOutputs(body, states);
  const keptOutput = (name: string): Value =>
    context.outputs[kept.get(name) ?? -1] ?? unsupported(context, `it does not give ${name}`, 'unroll it');

  const back = b.subgraph('gradient of a step');
  const values = valuesOf(b, body);
  for (const { name, dataType, shape } of values) back.input(name, dataType, shape);
  const gradientInput = ({ name, dataType, shape }: Value): Value =>
    back.input(`gradient/${name}`, dataType, shape);
  const carried = body.outputs.slice(0, states).map(gradientInput);
  const given = body.outputs.flatMap((value, index) => {
    const whole = index >= states ? gradients[index] : undefined;
    return whole === undefined ? [] : [{ value, whole, slice: gradientInput(value) }];
  });
  const found = context.within(back, body.nodes, body.inputs, [
    ...carried.map((gradient, index) => [body.outputs[index], gradient] as const),
    ...given.map(({ value, slice }) => [value, slice] as const),
  ]);
  const gradientOf = (name: string): Value => found.get(name) ?? zerosLike(back, back.value(name));
  for (const { name } of body.inputs) back.output(gradientOf(name));
  for (const { result } of products) back.output(gradientOf(result));

  const graph = back.graph();
  const used = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  const read = values.filter(({ name }) => used.has(name));
  const start = carried.map((_, index) => {
    const initial = context.inputs[index] ?? unsupported(context, `state ${index} is missing`, 'give it');
    return gradients[index] ?? zerosLike(b, initial);
  });
  const walked = [...read.map(({ name }) => keptOutput(name)), ...given.map(({ whole }) => whole)];
  const isReverse = intsAttribute(node, 'scan_input_directions')?.[0] === 1;
  const directions = (count: number) => ints(Array.from({ length: count }, () => (isReverse ? 0 : 1)));
  const results = b.ops('Scan', [...start, ...walked], graph.outputs.length, {
    body: graphAttribute({ ...graph, inputs: [...carried, ...read, ...given.map(({ slice }) => slice)] }),
    num_scan_inputs: int(walked.length),
    scan_input_directions: directions(walked.length),
    scan_output_directions: directions(graph.outputs.length - states),
  });
  node.inputs.forEach((_, index) => {
    if (context.needs(index)) context.give(index, results[index]);
  });
  products.forEach(({ weight, bias, factor }, index) => {
    const rows = asRows(b, results[node.inputs.length + index]);
    if (weight !== undefined) {
      context.giveTo(weight, b.op('Gemm', [rows, asRows(b, keptOutput(factor))], { transA: int(1) }));
    }
    if (bias !== undefined) context.giveTo(bias, reduceSum(b, rows, [0], false));
  });
};

/** Inputs of a body, and what its nodes compute. */
function valuesOf(b: GraphBuilder, body: Graph): readonly Value[] {
  const shapes = b.subgraph(body.name);
  for (const { name, dataType, shape } of body.inputs) shapes.input(name, dataType, shape);
  for (const [name, stored] of body.initializers) shapes.initializer(name, stored);
  return [...body.inputs, ...body.nodes.flatMap((node) => shapes.append(node))];
}

/** By the name of a value in the body, the output of the loop that holds it for every step. */
function keptOutputs(body: Graph, states: number): ReadonlyMap<string, number> {
  const copied = new Map(
    body.nodes.flatMap(({ opType, inputs, outputs }) =>
      opType === 'Identity' ? [[outputs[0], inputs[0]] as const] : [],
    ),
  );
  const found = new Map<string, number>();
  body.outputs.forEach(({ name }, index) => {
    if (index < states) return;
    found.set(name, index);
    found.set(copied.get(name) ?? name, index);
  });
  return found;
}

interface Product {
  /** What is multiplied by the weight, and what comes out, in the body. */
  readonly factor: string;
  readonly result: string;
  readonly weight: Value | undefined;
  readonly bias: Value | undefined;
}

/** Where a step uses what is outside and wants a gradient: `factor · weightᵀ + bias`, and nowhere else. */
function productsWithOutside(context: GradientContext, body: Graph): readonly Product[] {
  const own = new Set([
    ...body.inputs.map(({ name }) => name),
    ...body.nodes.flatMap(({ outputs }) => outputs),
  ]);
  return body.nodes.flatMap((node): readonly Product[] => {
    const outside = node.inputs.map((name) => !own.has(name) && context.isActive(name));
    if (!outside.includes(true)) return [];
    if (node.opType !== 'Gemm' || outside[0] || intAttribute(node, 'transB', 0) !== 1) {
      return unsupported(context, `its ${node.opType} uses a parameter that is outside`, 'unroll it');
    }
    const value = (index: number) => (outside[index] ? context.builder.value(node.inputs[index]) : undefined);
    const [factor, result] = [node.inputs[0], node.outputs[0]];
    return [{ factor, result, weight: value(1), bias: value(2) }];
  });
}

/** `[steps, batch, columns]` as `[steps · batch, columns]`. */
function asRows(b: GraphBuilder, value: Value): Value {
  return b.op('Reshape', [value, b.ints([-1, Number(value.shape[2])])]);
}
