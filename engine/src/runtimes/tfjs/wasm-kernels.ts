/** Gradients that the WebAssembly backend of TensorFlow.js 4.22 lacks or gets wrong, made of operators it has. */
import type * as Core from '@tensorflow/tfjs-core';

export function registerWasmKernels(tf: typeof Core): void {
  register(tf, 'Conv2DBackpropFilter', ({ inputs, attrs }) => {
    const { dataFormat, filterShape, strides, pad } = attrs as unknown as Core.Conv2DBackpropFilterAttrs;
    if (dataFormat === 'NCHW')
      throw new Error('convolutions with channels first have no gradient on WebAssembly');
    const [x, dy] = [tensorOf(inputs.x), tensorOf(inputs.dy)];
    const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad as 'valid');
    return filterGradient(tf, x, dy, info);
  });
  // Its own is off by a tenth of the gradient from its CPU backend's, and from ONNX Runtime's.
  register(tf, 'MaxPoolGrad', ({ inputs, attrs }) => {
    const { filterSize, strides, pad } = attrs as unknown as Core.MaxPoolGradAttrs;
    const [x, y, dy] = [tensorOf(inputs.input), tensorOf(inputs.output), tensorOf(inputs.dy)];
    const info = tf.backend_util.computePool2DInfo(x.shape, filterSize, strides, 1, pad as 'valid');
    return maxPoolGradient(tf, { x, y, dy }, info);
  });
}

type Info = ReturnType<typeof Core.backend_util.computeConv2DInfo>;

/** Kernels get the tensors themselves, though their type says less. */
const tensorOf = (input: Core.TensorInfo | undefined): Core.Tensor4D => input as Core.Tensor4D;

function register(tf: typeof Core, kernelName: string, kernel: Core.KernelFunc): void {
  if (tf.getKernel(kernelName, 'wasm') !== undefined) tf.unregisterKernel(kernelName, 'wasm');
  tf.registerKernel({
    kernelName,
    backendName: 'wasm',
    kernelFunc: (call) => tf.tidy(() => kernel(call) as Core.Tensor),
  });
}

/**
 * Each number of a filter's gradient is the product of an input channel with an output channel's gradient, shifted: a convolution
 * whose examples are the channels and whose filter is the gradient, strides become dilations.
 */
function filterGradient(tf: typeof Core, x: Core.Tensor4D, dy: Core.Tensor4D, info: Info): Core.Tensor {
  const product = tf.conv2d(
    tf.transpose(padded(tf, x, info, 0), [3, 1, 2, 0]),
    tf.transpose(dy, [1, 2, 0, 3]),
    1,
    'valid',
    'NHWC',
    [info.strideHeight, info.strideWidth],
  );
  const { filterHeight, filterWidth, inChannels, outChannels } = info;
  const used = tf.slice(product, [0, 0, 0, 0], [inChannels, filterHeight, filterWidth, outChannels]);
  return tf.transpose(used, [1, 2, 0, 3]);
}

interface Pooled {
  readonly x: Core.Tensor4D;
  readonly y: Core.Tensor4D;
  readonly dy: Core.Tensor4D;
}

/** Every place of the window in turn: the first that holds the largest value takes the gradient. */
function maxPoolGradient(tf: typeof Core, { x, y, dy }: Pooled, info: Info): Core.Tensor {
  const { strideHeight: sh, strideWidth: sw, filterHeight, filterWidth, padInfo } = info;
  const [batch, height, width, channels] = y.shape;
  // Room for every window spread over its stride, beyond what the input needs.
  const [tall, wide] = [height * sh + filterHeight, width * sw + filterWidth];
  const large = padded(tf, x, info, -Infinity);
  const filled = tf.pad(
    large,
    [
      [0, 0],
      [0, Math.max(0, tall - large.shape[1])],
      [0, Math.max(0, wide - large.shape[2])],
      [0, 0],
    ],
    -Infinity,
  );
  let free: Core.Tensor = tf.onesLike(dy);
  let sum: Core.Tensor | undefined;
  for (let i = 0; i < filterHeight; i++) {
    for (let j = 0; j < filterWidth; j++) {
      const at = tf.stridedSlice(
        filled,
        [0, i, j, 0],
        [batch, i + height * sh, j + width * sw, channels],
        [1, sh, sw, 1],
      );
      const takes = tf.mul(free, tf.cast(tf.equal(at, y), 'float32'));
      free = tf.sub(free, takes);
      const spread = tf.pad(tf.reshape(tf.mul(takes, dy), [batch * height, 1, width, 1, channels]), [
        [0, 0],
        [0, sh - 1],
        [0, 0],
        [0, sw - 1],
        [0, 0],
      ]);
      const placed = tf.pad(tf.reshape(spread, [batch, height * sh, width * sw, channels]), [
        [0, 0],
        [i, filterHeight - i],
        [j, filterWidth - j],
        [0, 0],
      ]);
      sum = sum === undefined ? placed : tf.add(sum, placed);
    }
  }
  const total = sum ?? tf.zerosLike(x);
  const [, inHeight, inWidth] = x.shape;
  const missing: [number, number][] = [
    [0, 0],
    [0, Math.max(0, padInfo.top + inHeight - tall)],
    [0, Math.max(0, padInfo.left + inWidth - wide)],
    [0, 0],
  ];
  return tf.slice(tf.pad(total, missing), [0, padInfo.top, padInfo.left, 0], x.shape);
}

function padded(tf: typeof Core, x: Core.Tensor4D, { padInfo }: Info, value: number): Core.Tensor4D {
  const { top, bottom, left, right } = padInfo;
  return tf.pad(
    x,
    [
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ],
    value,
  );
}
