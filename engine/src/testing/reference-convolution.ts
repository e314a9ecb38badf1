import { intAttribute, intsAttribute } from '../onnx/attributes.js';
import {
  type Dense,
  forEachIndex,
  given,
  integers,
  type Kernel,
  stridesOf,
} from '../onnx/evaluation/index.js';
import { elementCount } from '../onnx/index.js';
import { type WindowGeometry, windowGeometry } from '../onnx/window-geometry.js';

const dot = (index: readonly number[], strides: readonly number[]): number =>
  index.reduce((sum, at, axis) => sum + at * strides[axis], 0);

/** Where the element at `offset` of the window at `at` lies in the image; undefined in the padding. */
function position(
  { strides, dilations, padsBegin }: WindowGeometry,
  spatial: readonly number[],
  at: readonly number[],
  offset: readonly number[],
): readonly number[] | undefined {
  const found = spatial.map(
    (_, axis) => at[axis] * strides[axis] - padsBegin[axis] + offset[axis] * dilations[axis],
  );
  return found.every((p, axis) => p >= 0 && p < spatial[axis]) ? found : undefined;
}

const conv: Kernel = (node, inputs) => {
  const [x, w, bias] = [given(inputs, 0), given(inputs, 1), inputs[2]];
  const [batch, , ...spatial] = x.shape;
  const [channelsOut, channelsIn, ...kernel] = w.shape;
  const geometry = windowGeometry(node, spatial, kernel);
  const perGroup = channelsOut / intAttribute(node, 'group', 1);
  const shape = [batch, channelsOut, ...geometry.output.map(Number)];
  const [inStrides, weightStrides] = [stridesOf(x.shape), stridesOf(w.shape)];
  const data = new Float64Array(elementCount(shape));
  forEachIndex(shape, ([n, m, ...at], out) => {
    let sum = bias?.data[m] ?? 0;
    forEachIndex([channelsIn, ...kernel], ([c, ...offset]) => {
      const found = position(geometry, spatial, at, offset);
      if (found === undefined) return;
      const channel = Math.floor(m / perGroup) * channelsIn + c;
      sum += x.data[dot([n, channel, ...found], inStrides)] * w.data[dot([m, c, ...offset], weightStrides)];
    });
    data[out] = sum;
  });
  return [{ dataType: x.dataType, shape, data }];
};

/** By its definition: every input element adds the kernel, times itself, to the output. */
const convTranspose: Kernel = (node, inputs) => {
  const [x, w] = [given(inputs, 0), given(inputs, 1)];
  const [batch, channelsIn, ...spatial] = x.shape;
  const [, perGroup, ...kernel] = w.shape;
  const group = intAttribute(node, 'group', 1);
  const strides = intsAttribute(node, 'strides') ?? kernel.map(() => 1);
  const dilations = intsAttribute(node, 'dilations') ?? kernel.map(() => 1);
  const pads = intsAttribute(node, 'pads') ?? kernel.flatMap(() => [0, 0]);
  const extra = intsAttribute(node, 'output_padding') ?? kernel.map(() => 0);
  const sizes = spatial.map((size, axis) => {
    const reach = (kernel[axis] - 1) * dilations[axis] + 1;
    return (size - 1) * strides[axis] + extra[axis] + reach - pads[axis] - pads[axis + kernel.length];
  });
  const shape = [batch, perGroup * group, ...sizes];
  const [outStrides, weightStrides] = [stridesOf(shape), stridesOf(w.shape)];
  const data = new Float64Array(elementCount(shape));
  forEachIndex(shape, ([, m], to) => {
    data[to] = inputs[2]?.data[m] ?? 0;
  });
  forEachIndex(x.shape, ([n, c, ...at], from) => {
    const first = Math.floor(c / (channelsIn / group)) * perGroup;
    forEachIndex([perGroup, ...kernel], ([m, ...offset]) => {
      const to = at.map((p, axis) => p * strides[axis] + offset[axis] * dilations[axis] - pads[axis]);
      if (to.some((p, axis) => p < 0 || p >= sizes[axis])) return;
      data[dot([n, first + m, ...to], outStrides)] +=
        x.data[from] * w.data[dot([c, m, ...offset], weightStrides)];
    });
  });
  return [{ dataType: x.dataType, shape, data }];
};

/** Positions and geometry of every window of a pool. */
function pooled(
  node: Parameters<Kernel>[0],
  x: Dense,
  visit: (out: number, positions: readonly number[], geometry: WindowGeometry, at: readonly number[]) => void,
): readonly number[] {
  const [batch, channels, ...spatial] = x.shape;
  const kernel = intsAttribute(node, 'kernel_shape') ?? [];
  const geometry = windowGeometry(node, spatial, kernel);
  const shape = [batch, channels, ...geometry.output.map(Number)];
  const strides = stridesOf(x.shape);
  forEachIndex(shape, ([n, c, ...at], out) => {
    const positions: number[] = [];
    forEachIndex(kernel, (offset) => {
      const found = position(geometry, spatial, at, offset);
      if (found !== undefined) positions.push(dot([n, c, ...found], strides));
    });
    visit(out, positions, geometry, at);
  });
  return shape;
}

const maxPool: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const values: number[] = [];
  const indices: number[] = [];
  const shape = pooled(node, x, (out, positions) => {
    const best = positions.reduce((winner, at) => (x.data[at] > x.data[winner] ? at : winner));
    values[out] = x.data[best];
    indices[out] = best;
  });
  return [
    { dataType: x.dataType, shape, data: Float64Array.from(values) },
    { dataType: 'int64', shape, data: Float64Array.from(indices) },
  ];
};

const pNorm = (node: Parameters<Kernel>[0], elements: readonly number[]): number => {
  const p = intAttribute(node, 'p', 2);
  return elements.reduce((sum, v) => sum + Math.abs(v) ** p, 0) ** (1 / p);
};

const lpPool: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const values: number[] = [];
  const shape = pooled(node, x, (out, positions) => {
    values[out] = pNorm(
      node,
      positions.map((at) => x.data[at]),
    );
  });
  return [{ dataType: x.dataType, shape, data: Float64Array.from(values) }];
};

/** The padding counts if asked for, but nothing beyond it does. */
const averagePool: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const spatial = x.shape.slice(2);
  const withPads = intAttribute(node, 'count_include_pad', 0) !== 0;
  const values: number[] = [];
  const shape = pooled(node, x, (out, positions, { kernel, strides, dilations, padsBegin, padsEnd }, at) => {
    let count = positions.length;
    if (withPads) {
      count = 0;
      forEachIndex(kernel, (offset) => {
        const inside = offset.every((o, axis) => {
          const p = at[axis] * strides[axis] + o * dilations[axis];
          return p < padsBegin[axis] + spatial[axis] + padsEnd[axis];
        });
        if (inside) count++;
      });
    }
    values[out] = positions.reduce((sum, p) => sum + x.data[p], 0) / count;
  });
  return [{ dataType: x.dataType, shape, data: Float64Array.from(values) }];
};

const globalPool =
  (reduce: (elements: Float64Array) => number): Kernel =>
  (_node, inputs) => {
    const { dataType, shape, data } = given(inputs, 0);
    const size = elementCount(shape.slice(2));
    const images = elementCount(shape.slice(0, 2));
    const values = Float64Array.from({ length: images }, (_, i) =>
      reduce(data.subarray(i * size, (i + 1) * size)),
    );
    return [{ dataType, shape: [shape[0], shape[1], ...shape.slice(2).map(() => 1)], data: values }];
  };

/** Like the operator itself it keeps one of several values for an index: a gradient must not rely on more. */
const maxUnpool: Kernel = (_node, inputs) => {
  const [x, indices] = [given(inputs, 0), given(inputs, 1)];
  const shape = integers(inputs[2]);
  if (shape === undefined) throw new Error('the reference evaluator wants the output shape of MaxUnpool');
  const data = new Float64Array(elementCount(shape));
  indices.data.forEach((at, i) => {
    data[at] = x.data[i];
  });
  return [{ dataType: x.dataType, shape, data }];
};

export const convolutionKernels: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['Conv', conv],
  ['ConvTranspose', convTranspose],
  ['MaxPool', maxPool],
  ['AveragePool', averagePool],
  ['GlobalAveragePool', globalPool((elements) => elements.reduce((sum, x) => sum + x, 0) / elements.length)],
  ['GlobalMaxPool', globalPool((elements) => Math.max(...elements))],
  ['GlobalLpPool', (node, inputs) => globalPool((elements) => pNorm(node, [...elements]))(node, inputs)],
  ['LpPool', lpPool],
  ['MaxUnpool', maxUnpool],
]);
