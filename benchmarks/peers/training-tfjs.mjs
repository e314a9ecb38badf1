/**
 * Training steps in tfjs-node. Arguments: model, threads (set by the environment), batch size. Prints its name,
 * then for every line with a number of steps the milliseconds a step took.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const folder = process.env.STARLING_PEERS_NODE_MODULES;
const require = createRequire(folder === undefined ? import.meta.url : join(folder, 'peer.js'));
const log = console.log;
// tfjs greets on standard output.
console.log = () => undefined;
const tf = require('@tensorflow/tfjs-node');
await tf.ready();
console.log = log;

const [, , modelName, , batch] = process.argv;
const batchSize = Number(batch);
const { dense, conv1d, conv2d, maxPooling1d, maxPooling2d, flatten, gru } = tf.layers;

/** Layers one after the other. */
function sequential(layers) {
  const model = tf.sequential({ layers });
  return { forward: (x) => model.apply(x, { training: true }), weight: () => model.getWeights()[0] };
}

/** MobileNetV2 as torchvision builds it, without dropout. */
function mobileNet(width, side) {
  const channelsOf = (full) => {
    const asked = full * width;
    const rounded = Math.max(8, Math.floor((asked + 4) / 8) * 8);
    return rounded < 0.9 * asked ? rounded + 8 : rounded;
  };
  const normalized = (x, activation) => {
    const y = tf.layers.batchNormalization({ epsilon: 1e-5, momentum: 0.9 }).apply(x);
    return activation ? tf.layers.reLU({ maxValue: 6 }).apply(y) : y;
  };
  const pointwise = (x, filters, activation) =>
    normalized(conv2d({ filters, kernelSize: 1, useBias: false }).apply(x), activation);
  // Padding by a pixel on every side, as PyTorch does: "same" pads less where the stride is 2.
  const padded = (x) => tf.layers.zeroPadding2d({ padding: 1 }).apply(x);
  const input = tf.input({ shape: [side, side, 3] });
  const stem = conv2d({ filters: channelsOf(32), kernelSize: 3, strides: 2, useBias: false });
  let x = normalized(stem.apply(padded(input)), true);
  const stages = [
    [1, 16, 1, 1],
    [6, 24, 2, 2],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
  ];
  for (const [expansion, full, repetitions, firstStride] of stages) {
    for (let repetition = 0; repetition < repetitions; repetition++) {
      const strides = repetition === 0 ? firstStride : 1;
      const before = x;
      if (expansion > 1) x = pointwise(x, x.shape[3] * expansion, true);
      const depthwise = tf.layers.depthwiseConv2d({ kernelSize: 3, strides, useBias: false });
      x = normalized(depthwise.apply(padded(x)), true);
      x = pointwise(x, channelsOf(full), false);
      if (strides === 1 && before.shape[3] === x.shape[3]) x = tf.layers.add().apply([before, x]);
    }
  }
  x = tf.layers.globalAveragePooling2d({}).apply(pointwise(x, 1280, true));
  const model = tf.model({ inputs: input, outputs: dense({ units: 10 }).apply(x) });
  return { forward: (x) => model.apply(x, { training: true }), weight: () => model.getWeights()[0] };
}

/** Written in operators, for the layers API has no attention. */
function transformer({ vocabulary, tokens, width, heads, inner, layers, classes }) {
  const normal = (shape, deviation) => tf.variable(tf.randomNormal(shape, 0, deviation));
  const linear = (inputs, outputs) => {
    const [w, b] = [normal([inputs, outputs], Math.sqrt(2 / inputs)), tf.variable(tf.zeros([outputs]))];
    return (x) =>
      tf.reshape(tf.add(tf.matMul(tf.reshape(x, [-1, inputs]), w), b), [...x.shape.slice(0, -1), outputs]);
  };
  const norm = () => {
    const [scale, shift] = [tf.variable(tf.ones([width])), tf.variable(tf.zeros([width]))];
    return (x) => {
      const { mean, variance } = tf.moments(x, -1, true);
      return tf.add(tf.mul(tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-5))), scale), shift);
    };
  };
  const gelu = (x) => tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
  const attention = () => {
    const [joined, out] = [linear(width, 3 * width), linear(width, width)];
    const byHead = (x) => tf.transpose(tf.reshape(x, [-1, tokens, heads, width / heads]), [0, 2, 1, 3]);
    return (x) => {
      const [q, k, v] = tf.split(joined(x), 3, 2).map(byHead);
      const scores = tf.softmax(tf.mul(tf.matMul(q, k, false, true), 1 / Math.sqrt(width / heads)));
      return out(tf.reshape(tf.transpose(tf.matMul(scores, v), [0, 2, 1, 3]), [-1, tokens, width]));
    };
  };
  const [embedding, position] = [normal([vocabulary, width], 1), normal([tokens, width], 1)];
  const blocks = Array.from({ length: layers }, () => {
    const [attend, up, down] = [attention(), linear(width, inner), linear(inner, width)];
    const [first, second] = [norm(), norm()];
    return (x) => {
      const attended = first(tf.add(x, attend(x)));
      return second(tf.add(attended, down(gelu(up(attended)))));
    };
  });
  const head = linear(width, classes);
  return {
    forward(x) {
      const embedded = tf.add(tf.gather(embedding, x), position);
      return head(
        tf.mean(
          blocks.reduce((y, block) => block(y), embedded),
          1,
        ),
      );
    },
    weight: () => embedding,
  };
}

const models = {
  mlp: () => [
    [784],
    sequential([dense({ units: 200, activation: 'relu', inputShape: [784] }), dense({ units: 10 })]),
  ],
  '2nn': () => [
    [784],
    sequential([
      dense({ units: 200, activation: 'relu', inputShape: [784] }),
      dense({ units: 200, activation: 'relu' }),
      dense({ units: 10 }),
    ]),
  ],
  cnn: () => [
    [28, 28, 1],
    sequential([
      conv2d({ filters: 32, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1] }),
      conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      maxPooling2d({ poolSize: 2 }),
      flatten(),
      dense({ units: 128, activation: 'relu' }),
      dense({ units: 10 }),
    ]),
  ],
  cnn1d: () => [
    [128, 6],
    sequential([
      conv1d({ filters: 32, kernelSize: 5, activation: 'relu', inputShape: [128, 6] }),
      maxPooling1d({ poolSize: 2 }),
      conv1d({ filters: 64, kernelSize: 5, activation: 'relu' }),
      maxPooling1d({ poolSize: 2 }),
      flatten(),
      dense({ units: 64, activation: 'relu' }),
      dense({ units: 6 }),
    ]),
  ],
  mobilenet: () => [[64, 64, 3], mobileNet(0.25, 64)],
  // Its reset gate comes before the product, where PyTorch's comes after: as much work.
  gru: () => [[64, 6], sequential([gru({ units: 64, inputShape: [64, 6] }), dense({ units: 6 })])],
  transformer: () => [
    [32],
    transformer({ vocabulary: 1000, tokens: 32, width: 128, heads: 4, inner: 256, layers: 2, classes: 10 }),
  ],
};
const [shape, model] = models[modelName]();
const classes = modelName === 'cnn1d' || modelName === 'gru' ? 6 : 10;
const optimizer = tf.train.sgd(0.01);
// The batch is ready: nothing but the steps is measured.
const features =
  modelName === 'transformer'
    ? tf.randomUniform([batchSize, ...shape], 0, 1000, 'int32', 1)
    : tf.randomUniform([batchSize, ...shape], 0, 1, 'float32', 1);
const targets = tf.oneHot(
  tf.tensor1d(
    Array.from({ length: batchSize }, (_, i) => i % classes),
    'int32',
  ),
  classes,
);

process.stdout.write(`tfjs-node ${tf.version.tfjs}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const steps = Number(line);
  const start = performance.now();
  for (let step = 0; step < steps; step++) {
    optimizer.minimize(() => tf.losses.softmaxCrossEntropy(targets, model.forward(features)));
  }
  // Reading a parameter waits for everything before it.
  await model.weight().data();
  process.stdout.write(`${(performance.now() - start) / steps}\n`);
}
