import type { Graph, Node } from '../../onnx/index.js';

/**
 * `log(sigmoid(x))`, as exporters write PyTorch's LogSigmoid, is -∞ from -88 on and loses digits long before; `-softplus(-x)`
 * is the same and exact. So is `log(softmax(x))` as one operator.
 */
export function stableLogarithms(graph: Graph): Graph {
  const producers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)));
  const nodes = graph.nodes.flatMap((node): readonly Node[] => {
    const before = node.opType === 'Log' && node.domain === '' ? producers.get(node.inputs[0]) : undefined;
    if (before?.opType === 'Softmax')
      return [{ ...before, name: node.name, opType: 'LogSoftmax', outputs: node.outputs }];
    if (before?.opType !== 'Sigmoid') return [node];
    const [output] = node.outputs;
    const step = (opType: string, input: string, result: string): Node => ({
      name: `${node.name || output}/${opType}${result === output ? '' : '-of'}`,
      opType,
      domain: '',
      inputs: [input],
      outputs: [result],
      attributes: {},
    });
    const [negative, softplus] = [`${output}/negative`, `${output}/softplus`];
    return [
      step('Neg', before.inputs[0], negative),
      step('Softplus', negative, softplus),
      step('Neg', softplus, output),
    ];
  });
  return { ...graph, nodes };
}
