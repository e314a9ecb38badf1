/** What tokens a model knows. */
import { intAttribute } from '../../onnx/attributes.js';
import type { Graph } from '../../onnx/index.js';
import { passing } from './trainable-tensors.js';

/** Rows of the smallest stored table that the graph's input indexes; undefined where it indexes none. */
export function vocabularyOf({ nodes, initializers, inputs }: Graph): number | undefined {
  const indices = new Set(inputs.slice(0, 1).map(({ name }) => name));
  const tables = new Map([...initializers].map(([name, { shape }]) => [name, shape]));
  const rows: number[] = [];
  for (const node of nodes) {
    const [data, index] = node.inputs;
    if ((passing.has(node.opType) || node.opType === 'Cast') && indices.has(data))
      indices.add(node.outputs[0]);
    const table = tables.get(data);
    if (table === undefined) continue;
    if (node.opType === 'Identity') tables.set(node.outputs[0], table);
    if (node.opType === 'Gather' && indices.has(index)) rows.push(table[intAttribute(node, 'axis', 0)]);
  }
  return rows.length === 0 ? undefined : Math.min(...rows);
}
