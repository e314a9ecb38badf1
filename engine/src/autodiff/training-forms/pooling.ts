import { int } from '../../onnx/index.js';
import type { TrainingForm } from './form.js';
import { asRows, channelsFirst } from './placements.js';

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
