import { sameShape } from '../expressions.js';
import type { TrainingForm } from './form.js';
import { asRows, channelsFirst } from './placements.js';

/** What is computed of each element alone is computed where the elements are. */
export const elementwise: TrainingForm = ({ builder: b, node, placements, original }) => {
  const x = original(0);
  if (x === undefined || !placements.hasRows(x.name)) return undefined;
  const rest = node.inputs.slice(1).map((name) => (name === '' ? undefined : placements.plain(name)));
  if (rest.some((value) => value !== undefined && value.shape.length > 0)) return undefined;
  const value = b.op(node.opType, [placements.rows(x.name).value, ...rest], node.attributes);
  return [{ kind: 'rows', rows: { value, shape: x.shape } }];
};

/** What is negative becomes 0: of tiles after their pool, of a convolution that is put off with it. */
export const rectifier: TrainingForm = (context) => {
  const { node, placements, copy } = context;
  const [name] = node.inputs;
  const tiles = placements.tiles(name);
  if (tiles !== undefined) return [{ kind: 'tiles', tiles: { ...tiles, rectified: true } }];
  const shallow = placements.shallow(name);
  if (shallow !== undefined) {
    return [{ kind: 'shallow', shallow: { ...shallow, rectified: true, plain: copy } }];
  }
  return elementwise(context);
};

/** Two tensors of images, of which one may have a single pixel for each channel. */
export const pairwise: TrainingForm = ({ builder: b, node, placements, original }) => {
  const [x, y] = [original(0), original(1)];
  if (x === undefined || y === undefined) return undefined;
  if (!placements.hasRows(x.name) && !placements.hasRows(y.name)) return undefined;
  const [left, right] = [x, y].map((value) => (value.shape.length === 0 ? value : undefined));
  if (left !== undefined || right !== undefined) {
    const [image, operands] =
      left === undefined
        ? [x, [placements.rows(x.name).value, placements.plain(y.name)]]
        : [y, [placements.plain(x.name), placements.rows(y.name).value]];
    return [
      { kind: 'rows', rows: { value: b.op(node.opType, operands, node.attributes), shape: image.shape } },
    ];
  }
  if (x.shape.length !== y.shape.length || !sameShape(x.shape.slice(0, 2), y.shape.slice(0, 2))) {
    return undefined;
  }
  const [a, c] = [placements.rows(x.name), placements.rows(y.name)];
  if (sameShape(x.shape, y.shape)) {
    return [{ kind: 'rows', rows: { value: b.op(node.opType, [a.value, c.value]), shape: x.shape } }];
  }
  const value = b.op(node.opType, [channelsFirst(b, a), channelsFirst(b, c)], node.attributes);
  const [channels, batch, ...spatial] = value.shape;
  return [{ kind: 'rows', rows: asRows(b, value, [batch, channels, ...spatial]) }];
};
