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
const { dense, conv1d, conv2d, maxPooling1d, maxPooling2d, flatten } = tf.layers;
const models = {
  mlp: [[784], [dense({ units: 200, activation: 'relu', inputShape: [784] }), dense({ units: 10 })]],
  '2nn': [
    [784],
    [
      dense({ units: 200, activation: 'relu', inputShape: [784] }),
      dense({ units: 200, activation: 'relu' }),
      dense({ units: 10 }),
    ],
  ],
  cnn: [
    [28, 28, 1],
    [
      conv2d({ filters: 32, kernelSize: 3, activation: 'relu', inputShape: [28, 28, 1] }),
      conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      maxPooling2d({ poolSize: 2 }),
      flatten(),
      dense({ units: 128, activation: 'relu' }),
      dense({ units: 10 }),
    ],
  ],
  cnn1d: [
    [128, 6],
    [
      conv1d({ filters: 32, kernelSize: 5, activation: 'relu', inputShape: [128, 6] }),
      maxPooling1d({ poolSize: 2 }),
      conv1d({ filters: 64, kernelSize: 5, activation: 'relu' }),
      maxPooling1d({ poolSize: 2 }),
      flatten(),
      dense({ units: 64, activation: 'relu' }),
      dense({ units: 6 }),
    ],
  ],
};
const [shape, layers] = models[modelName];
const classes = modelName === 'cnn1d' ? 6 : 10;
const model = tf.sequential({ layers });
const optimizer = tf.train.sgd(0.01);
// The batch is ready: nothing but the steps is measured.
const features = tf.randomUniform([batchSize, ...shape], 0, 1, 'float32', 1);
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
    optimizer.minimize(() =>
      tf.losses.softmaxCrossEntropy(targets, model.apply(features, { training: true })),
    );
  }
  // Reading a parameter waits for everything before it.
  await model.getWeights()[0].data();
  process.stdout.write(`${(performance.now() - start) / steps}\n`);
}
