import { float, GraphBuilder, int, ints, type Model, tensorOf, type Value } from '@starling/engine';
import { filled, weight } from './weights.js';

/** Expansion, channels, repetitions and first stride of each stage (Sandler et al. 2018, table 2). */
const stages = [
  [1, 16, 1, 1],
  [6, 24, 2, 2],
  [6, 32, 3, 2],
  [6, 64, 4, 2],
  [6, 96, 3, 1],
  [6, 160, 3, 2],
  [6, 320, 1, 1],
] as const;

/** Channels of a narrower net: multiples of 8, never less than nine tenths of what was asked for. */
function channelsOf(full: number, width: number): number {
  const asked = full * width;
  const rounded = Math.max(8, Math.floor((asked + 4) / 8) * 8);
  return rounded < 0.9 * asked ? rounded + 8 : rounded;
}

interface Convolution {
  readonly name: string;
  readonly filters: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly groups?: number;
  readonly activation: boolean;
}

/** MobileNetV2 as torchvision builds it, without dropout; batch normalisation by the batch's own statistics. */
export function mobileNetV2(width: number, side: number, classes: number): Model {
  const b = new GraphBuilder({ name: 'mobilenet-v2' });
  const convolution = (x: Value, layer: Convolution): Value => {
    const { name, filters, kernel, stride = 1, groups = 1, activation } = layer;
    const channels = Number(x.shape[1]) / groups;
    const w = weight(b, `${name}.0.weight`, [filters, channels, kernel, kernel], channels * kernel * kernel);
    const pad = (kernel - 1) / 2;
    const y = b.op('Conv', [x, w], {
      kernel_shape: ints([kernel, kernel]),
      strides: ints([stride, stride]),
      pads: ints([pad, pad, pad, pad]),
      group: int(groups),
    });
    const normalized = batchNorm(b, y, `${name}.1`);
    if (!activation) return normalized;
    return b.op('Clip', [normalized, b.scalar(0), b.scalar(6)]);
  };

  let x = b.input('x', 'float32', ['batch', 3, side, side]);
  const first = channelsOf(32, width);
  x = convolution(x, { name: 'features.0', filters: first, kernel: 3, stride: 2, activation: true });
  let block = 1;
  for (const [expansion, full, repetitions, firstStride] of stages) {
    const filters = channelsOf(full, width);
    for (let repetition = 0; repetition < repetitions; repetition++) {
      const name = `features.${block++}.conv`;
      const stride = repetition === 0 ? firstStride : 1;
      const before = x;
      const hidden = Number(x.shape[1]) * expansion;
      if (expansion > 1) {
        x = convolution(x, { name: `${name}.0`, filters: hidden, kernel: 1, activation: true });
      }
      const depthwise = { filters: hidden, kernel: 3, stride, groups: hidden, activation: true };
      x = convolution(x, { name: `${name}.1`, ...depthwise });
      x = convolution(x, { name: `${name}.2`, filters, kernel: 1, activation: false });
      if (stride === 1 && before.shape[1] === x.shape[1]) x = b.op('Add', [before, x]);
    }
  }
  const last = Math.max(1280, channelsOf(1280, width));
  x = convolution(x, { name: 'features.18', filters: last, kernel: 1, activation: true });
  const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [x])], { axis: int(1) });
  const w = weight(b, 'classifier.1.weight', [classes, last], last);
  const logits = b.op('Gemm', [pooled, w, filled(b, 'classifier.1.bias', classes, 0)], { transB: int(1) });
  b.output(logits, 'y');
  return b.build();
}

function batchNorm(b: GraphBuilder, x: Value, name: string): Value {
  const channels = Number(x.shape[1]);
  const [mean, variance] = [0, 1].map((value) =>
    b.constant(tensorOf('float32', [channels], new Float32Array(channels).fill(value)), `${name}/statistics`),
  );
  const inputs = [x, filled(b, `${name}.weight`, channels, 1), filled(b, `${name}.bias`, channels, 0)];
  const attributes = { training_mode: int(1), epsilon: float(1e-5) };
  const [normalized] = b.ops('BatchNormalization', [...inputs, mean, variance], 3, attributes);
  return normalized;
}
