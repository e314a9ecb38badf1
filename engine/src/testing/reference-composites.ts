import { floatAttribute, intAttribute, stringAttribute } from '../onnx/attributes.js';
import { normalizeAxis } from '../onnx/dimensions.js';
import {
  type Dense,
  forEachIndex,
  given,
  type Kernel,
  rearrange,
  stridesOf,
  unary,
  wrapTo,
  zip,
} from '../onnx/evaluation/index.js';
import { elementCount } from '../onnx/index.js';

const dot = (index: readonly number[], strides: readonly number[]): number =>
  index.reduce((sum, at, axis) => sum + at * strides[axis], 0);

const parametric =
  (apply: (x: number, alpha: number, gamma: number) => number, alpha: number, gamma: number): Kernel =>
  (node, inputs) =>
    unary((x) => apply(x, floatAttribute(node, 'alpha', alpha), floatAttribute(node, 'gamma', gamma)))(
      node,
      inputs,
    );

const cumSum: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const axis = normalizeAxis(given(inputs, 1).data[0], x.shape.length);
  const [reverse, exclusive] = [intAttribute(node, 'reverse', 0), intAttribute(node, 'exclusive', 0)];
  const strides = stridesOf(x.shape);
  const data = new Float64Array(x.data.length);
  forEachIndex(x.shape, (index, position) => {
    for (let at = 0; at < x.shape[axis]; at++) {
      const before = reverse ? at > index[axis] : at < index[axis];
      if (before || (at === index[axis] && !exclusive)) {
        data[position] += x.data[dot(index.with(axis, at), strides)];
      }
    }
  });
  return [{ ...x, data }];
};

const lrn: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const size = intAttribute(node, 'size', 1);
  const [alpha, beta] = [floatAttribute(node, 'alpha', 1e-4), floatAttribute(node, 'beta', 0.75)];
  const bias = floatAttribute(node, 'bias', 1);
  const strides = stridesOf(x.shape);
  const data = new Float64Array(x.data.length);
  forEachIndex(x.shape, (index, position) => {
    let sum = 0;
    const first = index[1] - Math.floor((size - 1) / 2);
    for (let c = Math.max(0, first); c < Math.min(x.shape[1], first + size); c++) {
      sum += x.data[dot(index.with(1, c), strides)] ** 2;
    }
    data[position] = x.data[position] / (bias + (alpha / size) * sum) ** beta;
  });
  return [{ ...x, data }];
};

const depthToSpace: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const size = intAttribute(node, 'blocksize', 1);
  const [batch, depth, height, width] = x.shape;
  const channels = depth / size ** 2;
  const first = stringAttribute(node, 'mode', 'DCR') === 'DCR';
  const strides = stridesOf(x.shape);
  return [
    rearrange(x, [batch, channels, height * size, width * size], ([n, c, i, j]) => {
      const block = (i % size) * size + (j % size);
      const from = first ? block * channels + c : c * size ** 2 + block;
      return dot([n, from, Math.floor(i / size), Math.floor(j / size)], strides);
    }),
  ];
};

const spaceToDepth: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const size = intAttribute(node, 'blocksize', 1);
  const [batch, channels, height, width] = x.shape;
  const strides = stridesOf(x.shape);
  return [
    rearrange(x, [batch, channels * size ** 2, height / size, width / size], ([n, d, i, j]) => {
      const block = Math.floor(d / channels);
      return dot([n, d % channels, i * size + Math.floor(block / size), j * size + (block % size)], strides);
    }),
  ];
};

/** By its definition: for every index of all letters, the product of the inputs' elements. No dots. */
const einsum: Kernel = (node, inputs) => {
  const [left, right] = stringAttribute(node, 'equation', '').split('->');
  const terms = left.split(',');
  const letters = [...new Set(terms.join(''))];
  const sizeOf = (letter: string) => {
    const i = terms.findIndex((term) => term.includes(letter));
    return given(inputs, i).shape[terms[i].indexOf(letter)];
  };
  const shape = [...right].map(sizeOf);
  const strides = stridesOf(shape);
  const data = new Float64Array(elementCount(shape));
  forEachIndex(letters.map(sizeOf), (index) => {
    const at = (term: string) => [...term].map((letter) => index[letters.indexOf(letter)]);
    const factors = terms.map((term, i) => {
      const x = given(inputs, i);
      return x.data[dot(at(term), stridesOf(x.shape))];
    });
    data[dot(at(right), strides)] += factors.reduce((product, x) => product * x, 1);
  });
  return [{ dataType: given(inputs, 0).dataType, shape, data }];
};

const trilu: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const k = inputs[1]?.data[0] ?? 0;
  const upper = intAttribute(node, 'upper', 1) !== 0;
  const strides = stridesOf(x.shape);
  return [
    rearrange(x, x.shape, (index) => {
      const distance = index[index.length - 1] - index[index.length - 2] - k;
      return (upper ? distance >= 0 : distance <= 0) ? dot(index, strides) : -1;
    }),
  ];
};

const topK: Kernel = (node, inputs) => {
  const x = given(inputs, 0);
  const axis = normalizeAxis(intAttribute(node, 'axis', -1), x.shape.length);
  const sign = intAttribute(node, 'largest', 1) !== 0 ? -1 : 1;
  const strides = stridesOf(x.shape);
  const shape = x.shape.with(axis, given(inputs, 1).data[0]);
  const chosen = (index: readonly number[]): number => {
    const value = (at: number) => x.data[dot(index.with(axis, at), strides)];
    const order = Array.from({ length: x.shape[axis] }, (_, at) => at);
    order.sort((a, b) => sign * (value(a) - value(b)));
    return order[index[axis]];
  };
  const indices = new Float64Array(elementCount(shape));
  forEachIndex(shape, (index, position) => {
    indices[position] = chosen(index);
  });
  const values = rearrange(x, shape, (index) => dot(index.with(axis, chosen(index)), strides));
  return [values, { dataType: 'int64', shape, data: indices }];
};

const mean: Kernel = (_node, inputs) => {
  const all = inputs.map((_, index) => given(inputs, index));
  return [zip(all, all[0].dataType, (...xs) => xs.reduce((sum, x) => sum + x, 0) / xs.length)];
};

export const roundHalfEven = (x: number): number => {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
};

/** Of one scale for all elements. */
const quantize: Kernel = (_node, inputs) => {
  const [x, scale, zero] = [given(inputs, 0), given(inputs, 1), inputs[2]];
  const dataType = zero?.dataType ?? 'uint8';
  const [low, high] = dataType === 'int8' ? [-128, 127] : [0, 255];
  const data = x.data.map((v) => {
    const rounded = roundHalfEven(v / scale.data[0]) + (zero?.data[0] ?? 0);
    return wrapTo(dataType, Math.max(low, Math.min(high, rounded)));
  });
  return [{ dataType, shape: x.shape, data }];
};

const dequantize: Kernel = (_node, inputs) => {
  const [x, scale, zero] = [given(inputs, 0), given(inputs, 1), inputs[2]];
  const data = x.data.map((v) => (v - (zero?.data[0] ?? 0)) * scale.data[0]);
  return [{ dataType: scale.dataType, shape: x.shape, data }];
};

const softplus = (x: number): number => Math.log1p(Math.exp(x));

const binary =
  (apply: (x: number, y: number) => number): Kernel =>
  (_node, inputs) => {
    const parts: Dense[] = [given(inputs, 0), given(inputs, 1)];
    return [zip(parts, parts[0].dataType, apply)];
  };

export const compositeKernels: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['Celu', parametric((x, a) => Math.max(0, x) + Math.min(0, a * Math.expm1(x / a)), 1, 0)],
  [
    'Selu',
    parametric((x, a, g) => g * (x > 0 ? x : a * Math.expm1(x)), 1.6732632423543772, 1.0507009873554805),
  ],
  ['Softsign', unary((x) => x / (1 + Math.abs(x)))],
  ['HardSwish', unary((x) => x * Math.max(0, Math.min(1, x / 6 + 0.5)))],
  ['Mish', unary((x) => x * Math.tanh(softplus(x)))],
  ['PRelu', binary((x, slope) => (x > 0 ? x : slope * x))],
  ['Mean', mean],
  ['CumSum', cumSum],
  ['LRN', lrn],
  ['DepthToSpace', depthToSpace],
  ['SpaceToDepth', spaceToDepth],
  ['Einsum', einsum],
  ['Trilu', trilu],
  ['TopK', topK],
  ['QuantizeLinear', quantize],
  ['DequantizeLinear', dequantize],
]);
