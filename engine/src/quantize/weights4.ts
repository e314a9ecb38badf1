/**
 * Weights of 4 bits: for models whose weights are most of their size and whose time goes into reading them. Activations
 * stay f32. The operator is ONNX Runtime's own `MatMulNBits`, the form in which it runs language models.
 */
import { int, type Model, tensorOf, toNumbers } from '../onnx/index.js';
import { isProduct, weightAsMatrix } from './dynamic.js';
import { QuantizeError } from './errors.js';
import { GraphEdit } from './graph-edit.js';
import { roundHalfEven } from './integers.js';
import type { PreparedModel, WeightLayer } from './prepare.js';

/** Consecutive weights of one column that share a scale. */
export const blockSize = 32;
/** Smaller products have nothing to gain. */
const elementsMin = 16_384;
const microsoft = 'com.microsoft';

/** Whether 4 bits are for this layer: a product with a large matrix. */
export function takesWeights4({ node, weight }: WeightLayer): boolean {
  return isProduct(node.opType) && weight.data.length >= elementsMin;
}

/** @throws QuantizeError `quantize/nothing` where no product is large enough */
export function quantizeWeights4(
  { model, layers }: PreparedModel,
  excluded: ReadonlySet<string> = new Set(),
): Model {
  const chosen = new Map(
    layers
      .filter((layer) => takesWeights4(layer) && !excluded.has(layer.name))
      .map((layer) => [layer.name, layer]),
  );
  if (chosen.size === 0) {
    throw new QuantizeError(
      'quantize/nothing',
      `the model has no product with a stored matrix of ${elementsMin} weights or more; use another method`,
    );
  }
  const edit = new GraphEdit(model);
  for (const node of model.graph.nodes) {
    const layer = chosen.get(node.name);
    if (layer === undefined) edit.nodes.push(node);
    else fewBitProduct(edit, layer);
  }
  return edit.finish({ [microsoft]: 1 });
}

function fewBitProduct(edit: GraphEdit, layer: WeightLayer): void {
  const { node } = layer;
  const [source, name, bias = ''] = node.inputs;
  const matrix = weightAsMatrix(layer);
  const [inputs, columns] = matrix.shape;
  const { packed, scales } = packBlocks(toNumbers(matrix), inputs, columns);
  const blocks = Math.ceil(inputs / blockSize);
  const read = [
    source,
    edit.store(`${name}/4bit`, tensorOf('uint8', [columns, blocks, blockSize / 2], packed)),
    edit.store(`${name}/scales`, tensorOf('float32', [columns * blocks], scales)),
  ];
  const attributes = {
    K: int(inputs),
    N: int(columns),
    bits: int(4),
    block_size: int(blockSize),
    // Activations become int8 block by block: 1.1 to 4 times faster than products in f32, the more the fewer rows.
    accuracy_level: int(4),
  };
  const product = bias === '' ? node.outputs[0] : edit.fresh(`${node.name}/product`);
  const name4 = bias === '' ? node.name : edit.fresh(`${node.name}/MatMulNBits`);
  edit.nodes.push({
    name: name4,
    opType: 'MatMulNBits',
    domain: microsoft,
    inputs: read,
    outputs: [product],
    attributes,
  });
  if (bias === '') return;
  const added = {
    name: node.name,
    opType: 'Add',
    domain: '',
    inputs: [product, bias],
    outputs: node.outputs,
  };
  edit.nodes.push({ ...added, attributes: {} });
}

export interface PackedBlocks {
  /** `[columns, blocks, blockSize / 2]`: two weights a byte, the first in the low half, 8 stands for 0; the last block's rest is not read. */
  readonly packed: Uint8Array;
  /** `[columns, blocks]` */
  readonly scales: Float32Array;
}

/**
 * Column by column, in blocks: the value of largest magnitude becomes -8, with its sign in the scale, so that all 16
 * levels are used (as ONNX Runtime's own quantizer has it).
 * @param matrix `[inputs, columns]`
 */
export function packBlocks(matrix: Float64Array, inputs: number, columns: number): PackedBlocks {
  const blocks = Math.ceil(inputs / blockSize);
  const packed = new Uint8Array((columns * blocks * blockSize) / 2);
  const scales = new Float32Array(columns * blocks);
  for (let column = 0; column < columns; column++) {
    for (let block = 0; block < blocks; block++) {
      const first = block * blockSize;
      const end = Math.min(inputs, first + blockSize);
      let largest = 0;
      for (let row = first; row < end; row++) {
        const value = matrix[row * columns + column];
        if (Math.abs(value) > Math.abs(largest)) largest = value;
      }
      const at = column * blocks + block;
      scales[at] = largest / -8;
      const inverse = scales[at] === 0 ? 0 : 1 / scales[at];
      for (let row = first; row < end; row++) {
        const level = Math.min(15, Math.max(0, roundHalfEven(matrix[row * columns + column] * inverse) + 8));
        const position = (at * blockSize + row - first) >> 1;
        const high = (row - first) % 2 === 1;
        packed[position] = high
          ? (packed[position] & 0x0f) | (level << 4)
          : (packed[position] & 0xf0) | level;
      }
    }
  }
  return { packed, scales };
}
