/** Recurrent layers over many steps as a loop, whose gradient (rules/loop.ts) is one too. */
import { GraphBuilder, graphAttribute, int, ints, type Node, type Value } from '../../onnx/index.js';
import { gradientsWithin } from '../differentiate.js';
import { loopBodyName, namesOutside } from '../loops.js';
import type { Cell } from '../lowerings/cell.js';
import { gruCell } from '../lowerings/gru.js';
import { lstmCell } from '../lowerings/lstm.js';
import { type Direction, isLooped, type Ran, recurrent } from '../lowerings/recurrent.js';
import { rnnCell } from '../lowerings/rnn.js';
import type { TrainingForm } from './form.js';

const cells: Readonly<Record<string, (node: Node) => Cell>> = { GRU: gruCell, LSTM: lstmCell, RNN: rnnCell };

export const recurrentLoop: TrainingForm = ({ builder, node, placements }) => {
  const inputs = node.inputs.map((name) => (name === '' ? undefined : placements.plain(name)));
  if (!isLooped(inputs[0])) return undefined;
  const outputs = recurrent(builder, node, inputs, cells[node.opType](node), (direction) =>
    loop(builder, direction),
  );
  return node.outputs.map((name, index) =>
    name === '' ? undefined : { kind: 'plain', value: outputs[index] },
  );
};

function loop(b: GraphBuilder, { projected, initial, step, backward }: Direction): Ran {
  const body = b.subgraph(loopBodyName);
  const states = initial.map(({ name, dataType, shape }, index) =>
    body.input(`${name}/state${index}`, dataType, shape),
  );
  const own = body.input(`${projected.name}/step`, projected.dataType, projected.shape.slice(1));
  const after = step(body, own, states);
  for (const state of after) body.output(state);
  const read = readByGradient(body);
  body.output(after[0]);
  for (const value of read) body.output(value);
  const graph = body.graph();
  const directions = (count: number) => ints(Array.from({ length: count }, () => (backward ? 1 : 0)));
  const results = b.ops('Scan', [...initial, projected], graph.outputs.length, {
    body: graphAttribute(graph),
    num_scan_inputs: int(1),
    scan_input_directions: directions(1),
    scan_output_directions: directions(graph.outputs.length - states.length),
  });
  return { hidden: results[states.length], last: results.slice(0, states.length) };
}

/** What the gradient of a step will read: found out by writing it once, to be thrown away. */
function readByGradient(body: GraphBuilder): readonly Value[] {
  const graph = body.graph();
  const scratch = new GraphBuilder();
  const own = [
    ...graph.inputs,
    ...graph.nodes.flatMap((node) => node.outputs.map((name) => body.value(name))),
  ];
  const outside = namesOutside(graph);
  for (const { name, dataType, shape } of [...own, ...outside.map((name) => body.value(name))]) {
    scratch.input(name, dataType, shape);
  }
  for (const [name, stored] of graph.initializers) scratch.initializer(name, stored);
  const seeds = graph.outputs.map(
    (value) => [value, scratch.input(`gradient/${value.name}`, value.dataType, value.shape)] as const,
  );
  gradientsWithin(scratch, graph.nodes, graph.inputs, seeds);
  const used = new Set(scratch.nodes.flatMap(({ inputs }) => inputs));
  // What a weight is multiplied by is read after the loop.
  for (const { opType, inputs } of graph.nodes) {
    if (opType === 'Gemm' && outside.includes(inputs[1])) used.add(inputs[0]);
  }
  return own.filter(({ name }) => used.has(name));
}
