/** Kernels that the WebAssembly backend of TensorFlow.js lacks, made of those it has. */
import type * as Core from '@tensorflow/tfjs-core';

/**
 * The gradient of a convolution's filter. Each number of it is the product of an input channel with an output channel's gradient,
 * shifted: a convolution whose examples are the channels and whose filter is the gradient, its strides and
 * dilations exchanged.
 */
export function registerWasmKernels(tf: typeof Core): void {
  const kernelName = 'Conv2DBackpropFilter';
  if (tf.getKernel(kernelName, 'wasm') !== undefined) return;
  tf.registerKernel({
    kernelName,
    backendName: 'wasm',
    kernelFunc({ inputs, attrs }) {
      const { strides, pad, dataFormat, filterShape } = attrs as unknown as Core.Conv2DBackpropFilterAttrs;
      if (dataFormat === 'NCHW')
        throw new Error('convolutions with channels first have no gradient on WebAssembly');
      // Kernels get the tensors themselves, though their type says less.
      const [x, dy] = [inputs.x as Core.Tensor4D, inputs.dy as Core.Tensor4D];
      const info = tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad as 'valid');
      return tf.tidy(() => {
        const { top, bottom, left, right } = info.padInfo;
        const padded = tf.pad(x, [
          [0, 0],
          [top, bottom],
          [left, right],
          [0, 0],
        ]);
        const product = tf.conv2d(
          tf.transpose(padded, [3, 1, 2, 0]) as Core.Tensor4D,
          tf.transpose(dy, [1, 2, 0, 3]) as Core.Tensor4D,
          1,
          'valid',
          'NHWC',
          [info.strideHeight, info.strideWidth],
        );
        const [height, width] = filterShape;
        const used = tf.slice(product, [0, 0, 0, 0], [product.shape[0], height, width, product.shape[3]]);
        return tf.transpose(used, [1, 2, 0, 3]);
      });
    },
  });
}
