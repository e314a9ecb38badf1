/** Rows of embeddings that pad: they are looked up, and learn nothing from it. */
import { intAttribute } from '../../onnx/attributes.js';
import { dataTypeCode, int, type Model, type Node, type Tensor, tensorOf } from '../../onnx/index.js';
import { ModelError } from '../errors.js';

/** By the name of the embedding's weight: the row that stands for padding. */
export type PaddingRows = Readonly<Record<string, number>>;

export interface PaddedModel {
  readonly model: Model;
  /** Values that no gradient may pass: the padding rows as lookups read them. */
  readonly held: ReadonlySet<string>;
}

/**
 * What `padding_idx` is in PyTorch, of which exported files say nothing: where a lookup meets the row, its result is the row
 * as it is, through a value of its own that can be held. Other uses of the weight, such as an output layer tied to it, keep
 * their gradients, as they do there.
 * @throws ModelError for a weight that no lookup reads, or a row that it does not have
 */
export function holdPadding(model: Model, rows: PaddingRows): PaddedModel {
  const { graph } = model;
  const initializers = new Map<string, Tensor>(graph.initializers);
  const held = new Set<string>();
  const integer = (name: string, shape: readonly number[], value: number): string => {
    initializers.set(name, tensorOf('int64', shape, [value]));
    return name;
  };
  const nodes = graph.nodes.flatMap((node): readonly Node[] => {
    const [weight, tokens] = node.inputs;
    if (!isLookup(node) || !Object.hasOwn(rows, weight)) return [node];
    const [y] = node.outputs;
    const made = (suffix: string, opType: string, inputs: readonly string[], attributes = {}): Node => {
      return { name: `${y}/${suffix}`, domain: '', opType, inputs, outputs: [`${y}/${suffix}`], attributes };
    };
    const row = integer(`${y}/padding-row`, [], rows[weight]);
    const last = integer(`${y}/last-axis`, [1], -1);
    held.add(`${y}/padding`);
    return [
      { ...node, outputs: [`${y}/found`] },
      made('padding', 'Gather', [weight, row], node.attributes),
      made('tokens', 'Cast', [tokens], { to: int(dataTypeCode('int64')) }),
      made('is-padding', 'Equal', [`${y}/tokens`, row]),
      made('pads', 'Unsqueeze', [`${y}/is-padding`, last]),
      { ...made('held', 'Where', [`${y}/pads`, `${y}/padding`, `${y}/found`]), outputs: [y] },
    ];
  });
  for (const [name, row] of Object.entries(rows)) checkRow(model, name, row);
  return { model: { ...model, graph: { ...graph, nodes, initializers } }, held };
}

const isLookup = (node: Node): boolean => node.opType === 'Gather' && intAttribute(node, 'axis', 0) === 0;

function checkRow({ graph }: Model, name: string, row: number): void {
  const read = new Set(graph.nodes.flatMap((node) => (isLookup(node) ? [node.inputs[0]] : [])));
  const tables = [...graph.initializers].filter(([key, { shape }]) => read.has(key) && shape.length === 2);
  const count = tables.find(([key]) => key === name)?.[1].shape[0];
  if (count === undefined) {
    const known = tables.map(([key]) => key).join(', ') || 'none';
    throw new ModelError(
      'model/invalid',
      `paddingRows: no lookup reads ${JSON.stringify(name)}; embeddings are: ${known}`,
    );
  }
  if (row >= count) {
    throw new ModelError(
      'model/invalid',
      `paddingRows: ${name} has the rows 0 to ${count - 1}, but ${row} was named`,
    );
  }
}
