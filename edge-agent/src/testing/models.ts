/** Models small enough for a test of serving. */
import {
  buildModel,
  compilePlan,
  exportModel,
  GraphBuilder,
  initializeParameters,
  parseModel,
  tensorOf,
  writeModel,
} from '@starling/engine';
import type { TensorValue } from '@starling/engine/serving';

/** Gives each example `factor` times itself: what comes out says which version was asked. */
export function scalingModel(factor: number, elements = 3): Uint8Array {
  const builder = new GraphBuilder({ name: 'scaling' });
  const input = builder.input('x', 'float32', ['batch', elements]);
  builder.output(builder.op('Mul', [input, builder.scalar(factor)]), 'y');
  return writeModel(builder.build());
}

/** Subtracts the batch's mean: who shares a run is seen in the result. */
export function batchCoupledModel(): Uint8Array {
  const builder = new GraphBuilder({ name: 'coupled' });
  const input = builder.input('x', 'float32', ['batch', 3]);
  const mean = builder.op('ReduceMean', [input, builder.ints([0])]);
  builder.output(builder.op('Sub', [input, mean]), 'y');
  return writeModel(builder.build());
}

/** Adds two inputs of 64 numbers, where one example of either may stand beside many of the other. */
export function addingModel(): Uint8Array {
  const builder = new GraphBuilder({ name: 'adding' });
  const [x, z] = ['x', 'z'].map((name) => builder.input(name, 'float32', ['batch', 64]));
  builder.output(builder.op('Add', [x, z]), 'y');
  return writeModel(builder.build());
}

/** Looks up each of 64 numbers of rows in a table of two; there is no third. */
export function lookUpModel(): Uint8Array {
  const builder = new GraphBuilder({ name: 'look-up' });
  const row = builder.input('row', 'int64', ['batch', 64]);
  const table = builder.constant(tensorOf('float32', [2], [0, 10]));
  builder.output(builder.op('Gather', [table, row]), 'y');
  return writeModel(builder.build());
}

/** A dense network of some weight: 64 numbers in, 10 out. */
export function denseModel(): Uint8Array {
  const model = parseModel({
    kind: 'sequential',
    inputShape: [64],
    layers: [{ kind: 'dense', units: 128 }, { kind: 'relu' }, { kind: 'dense', units: 10 }],
  });
  const plan = compilePlan(model, {
    loss: { kind: 'softmax-cross-entropy' },
    optimizer: { kind: 'sgd' },
    batchSize: 4,
  });
  return exportModel(plan, initializeParameters(buildModel(model), 7));
}

export function floats(name: string, rows: readonly (readonly number[])[]): TensorValue {
  return {
    name,
    dataType: 'float32',
    shape: [rows.length, rows[0].length],
    data: Float32Array.from(rows.flat()),
  };
}
