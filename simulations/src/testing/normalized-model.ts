/** A model with batch normalisation, as a file that scenarios name: 8 numbers in, one of 3 classes out. */
import { writeFileSync } from 'node:fs';
import { GraphBuilder, tensorOf, writeModel } from '@starling/engine';

const [features, units, classes] = [8, 6, 3];

export function writeNormalizedModel(path: string): void {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', features]);
  const wave = (name: string, shape: readonly number[], scale = 0.5, shift = 0) => {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, (_, i) => shift + scale * Math.sin(2 * i + name.length));
    return b.initializer(name, tensorOf('float32', shape, values));
  };
  const hidden = b.op('MatMul', [x, wave('first.weight', [features, units])]);
  const stored = [
    wave('norm.weight', [units], 0.1, 1),
    wave('norm.bias', [units]),
    wave('norm.mean', [units], 0),
    wave('norm.variance', [units], 0, 1),
  ];
  const normal = b.op('BatchNormalization', [hidden, ...stored]);
  b.output(b.op('MatMul', [b.op('Relu', [normal]), wave('last.weight', [units, classes])]));
  writeFileSync(path, writeModel(b.build()));
}
