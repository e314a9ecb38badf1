import { floatAttribute, intAttribute } from '../onnx/attributes.js';
import { normalizeAxis } from '../onnx/dimensions.js';
import { type Dense, given, type Kernel, zip } from '../onnx/evaluation/index.js';
import { elementCount } from '../onnx/index.js';

/** Applies a function to every vector along an axis. */
const alongAxis =
  (apply: (elements: readonly number[]) => readonly number[]): Kernel =>
  (node, inputs) => {
    const { dataType, shape, data } = given(inputs, 0);
    const axis = normalizeAxis(intAttribute(node, 'axis', -1), shape.length);
    const inner = elementCount(shape.slice(axis + 1));
    const result = new Float64Array(data.length);
    for (let start = 0; start < data.length; start++) {
      if (Math.floor(start / inner) % shape[axis] !== 0) continue;
      const places = Array.from({ length: shape[axis] }, (_, i) => start + i * inner);
      apply(places.map((at) => data[at])).forEach((value, i) => {
        result[places[i]] = value;
      });
    }
    return [{ dataType, shape, data: result }];
  };

function logSoftmax(elements: readonly number[]): readonly number[] {
  const largest = Math.max(...elements);
  const total = elements.reduce((sum, x) => sum + Math.exp(x - largest), 0);
  return elements.map((x) => x - largest - Math.log(total));
}

const layerNormalization: Kernel = (node, inputs) => {
  const [x, weight, bias] = [given(inputs, 0), given(inputs, 1), inputs[2]];
  const axis = normalizeAxis(intAttribute(node, 'axis', -1), x.shape.length);
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const size = elementCount(x.shape.slice(axis));
  const rows = x.data.length / size;
  const [means, inverses] = [new Float64Array(rows), new Float64Array(rows)];
  const normalized = new Float64Array(x.data.length);
  for (let row = 0; row < rows; row++) {
    const elements = x.data.subarray(row * size, (row + 1) * size);
    means[row] = elements.reduce((sum, v) => sum + v, 0) / size;
    const variance = elements.reduce((sum, v) => sum + (v - means[row]) ** 2, 0) / size;
    inverses[row] = 1 / Math.sqrt(variance + epsilon);
    elements.forEach((v, i) => {
      normalized[row * size + i] = (v - means[row]) * inverses[row];
    });
  }
  const parts: Dense[] = [{ ...x, data: normalized }, weight];
  if (bias !== undefined) parts.push(bias);
  const shape = x.shape.map((full, i) => (i < axis ? full : 1));
  return [
    zip(parts, x.dataType, (v, scale, shift = 0) => v * scale + shift),
    { dataType: 'float32', shape, data: means },
    { dataType: 'float32', shape, data: inverses },
  ];
};

/** Mean and variance of each channel over the batch. */
function batchStatistics(x: Dense): readonly [mean: Dense, variance: Dense] {
  const channels = x.shape[1];
  const size = elementCount(x.shape.slice(2));
  const elements = Array.from({ length: channels }, (_, c) =>
    x.data.filter((_, at) => Math.floor(at / size) % channels === c),
  );
  const means = elements.map((part) => part.reduce((sum, v) => sum + v, 0) / part.length);
  const variances = elements.map(
    (part, c) => part.reduce((sum, v) => sum + (v - means[c]) ** 2, 0) / part.length,
  );
  const dense = (data: readonly number[]): Dense => ({
    dataType: x.dataType,
    shape: [channels],
    data: Float64Array.from(data),
  });
  return [dense(means), dense(variances)];
}

const batchNormalization: Kernel = (node, given5) => {
  const x = given(given5, 0);
  const training = intAttribute(node, 'training_mode', 0) !== 0;
  const inputs = training ? [...given5.slice(0, 3), ...batchStatistics(x)] : given5;
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const perChannel = [1, 2, 3, 4].map((index) => {
    const part = given(inputs, index);
    return { ...part, shape: [...part.shape, ...x.shape.slice(2).map(() => 1)] };
  });
  const y = zip(
    [x, ...perChannel],
    x.dataType,
    (v, scale, shift, mean, variance) => ((v - mean) / Math.sqrt(variance + epsilon)) * scale + shift,
  );
  return [y, given(inputs, 3), given(inputs, 4)];
};

const instanceNormalization: Kernel = (node, inputs) => {
  const [x, weight, bias] = [given(inputs, 0), given(inputs, 1), given(inputs, 2)];
  const size = elementCount(x.shape.slice(2));
  const epsilon = floatAttribute(node, 'epsilon', 1e-5);
  const data = new Float64Array(x.data.length);
  for (let image = 0; image * size < data.length; image++) {
    const elements = x.data.subarray(image * size, (image + 1) * size);
    const mean = elements.reduce((sum, v) => sum + v, 0) / size;
    const variance = elements.reduce((sum, v) => sum + (v - mean) ** 2, 0) / size;
    const channel = image % x.shape[1];
    elements.forEach((v, i) => {
      const normalized = (v - mean) / Math.sqrt(variance + epsilon);
      data[image * size + i] = normalized * weight.data[channel] + bias.data[channel];
    });
  }
  return [{ ...x, data }];
};

export const normalizationKernels: ReadonlyMap<string, Kernel> = new Map<string, Kernel>([
  ['Softmax', alongAxis((elements) => logSoftmax(elements).map(Math.exp))],
  ['LogSoftmax', alongAxis(logSoftmax)],
  ['LayerNormalization', layerNormalization],
  ['BatchNormalization', batchNormalization],
  ['InstanceNormalization', instanceNormalization],
]);
