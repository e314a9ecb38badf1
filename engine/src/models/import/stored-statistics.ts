/** Models that were exported while they were training. */
import { intAttribute } from '../../onnx/attributes.js';
import { int, type Model, type Node } from '../../onnx/index.js';

/**
 * Makes every batch normalisation use the statistics that the model stores; what to learn of a batch is for
 * `batchNorm` to say. Besides, ONNX Runtime writes the running statistics of the training mode over the node's
 * inputs, also over constants, of which it keeps equal ones once: two such nodes change each other's results, and a
 * second run starts from what the first one left.
 */
export function useStoredStatistics(model: Model): Model {
  const { graph } = model;
  const isTraining = (node: Node): boolean =>
    node.opType === 'BatchNormalization' && intAttribute(node, 'training_mode', 0) !== 0;
  if (!graph.nodes.some(isTraining)) return model;
  const nodes = graph.nodes.flatMap((node): readonly Node[] => {
    if (!isTraining(node)) return [node];
    const [output, ...running] = node.outputs;
    // Statistics that are stored do not run.
    const kept = running.flatMap((name, index): readonly Node[] =>
      name === ''
        ? []
        : [
            {
              name: `${name}/stored`,
              opType: 'Identity',
              domain: '',
              inputs: [node.inputs[3 + index]],
              outputs: [name],
              attributes: {},
            },
          ],
    );
    return [
      { ...node, outputs: [output], attributes: { ...node.attributes, training_mode: int(0) } },
      ...kept,
    ];
  });
  return { ...model, graph: { ...graph, nodes } };
}
