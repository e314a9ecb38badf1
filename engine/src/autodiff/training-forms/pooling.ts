import { intAttribute, intsAttribute } from '../../onnx/attributes.js';
import { int } from '../../onnx/index.js';
import { windowGeometry } from '../../onnx/window-geometry.js';
import type { TrainingForm } from './form.js';
import { asRows, channelsFirst } from './placements.js';
import { pooled } from './winograd/tiles.js';

/** The mean of each channel's image. */
export const globalAveragePool: TrainingForm = ({ builder: b, placements, original }) => {
  const x = original(0);
  if (x === undefined || !placements.hasRows(x.name)) return undefined;
  const rows = placements.rows(x.name);
  const axes = x.shape.map((_, axis) => axis).slice(2);
  const mean = b.op('ReduceMean', [channelsFirst(b, rows), b.ints(axes)], { keepdims: int(1) });
  const shape = [...x.shape.slice(0, 2), ...axes.map(() => 1)];
  return [{ kind: 'rows', rows: asRows(b, mean, shape) }];
};

/** The greatest of windows that lie side by side, 2 by 2, of what is there as tiles. */
export const maxPoolOfTiles: TrainingForm = (context) => {
  const { node, placements, builder } = context;
  const tiles = placements.tiles(node.inputs[0]);
  if (tiles === undefined || node.outputs.length > 1) return undefined;
  const kernel = intsAttribute(node, 'kernel_shape') ?? [];
  const { strides, dilations, padsBegin, padsEnd } = windowGeometry(node, tiles.shape.slice(2), kernel);
  const isWhole =
    intAttribute(node, 'ceil_mode', 0) === 0 || tiles.shape.slice(2).every((size) => Number(size) % 2 === 0);
  const isPlain =
    [...padsBegin, ...padsEnd].every((pad) => pad === 0) && dilations.every((step) => step === 1);
  if (!isWhole || !isPlain || [...kernel, ...strides].some((size) => size !== 2)) return undefined;
  return [{ kind: 'plain', value: pooled(builder, tiles) }];
};
