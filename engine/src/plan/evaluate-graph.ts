/** `evaluate.onnx`: the weighted metrics of any number of examples. */
import type { LossGraph } from '../losses/index.js';
import type { TrainableModel } from '../models/index.js';
import { GraphBuilder, type Model } from '../onnx/index.js';
import { localInput, splitAll } from './flat-parameters.js';
import { peakBytes } from './memory-estimate.js';
import { evaluateInputs, metricOutput } from './names.js';

export interface EvaluateGraph {
  readonly graph: Model;
  /** Most bytes that the tensors of so many examples take at once, of those that a run computes. */
  readonly bytesFor: (rows: number) => number;
}

export function evaluateGraph(model: TrainableModel, loss: LossGraph): EvaluateGraph {
  const builder = new GraphBuilder({ name: 'evaluate' });
  const flat = builder.input(evaluateInputs.parameters, 'float32', [model.parameterCount]);
  const examples = builder.input(evaluateInputs.examples, 'float32', ['batch', ...model.inputShape]);
  const targetShape = loss.targetShape(model.outputShape);
  const targets = builder.input(evaluateInputs.targets, loss.targetDataType, ['batch', ...targetShape]);
  const weights = builder.input(evaluateInputs.exampleWeights, 'float32', ['batch']);
  const outputs = model.forward(
    builder,
    examples,
    splitAll(builder, model, flat, localInput(builder, model, evaluateInputs.local)),
  );
  for (const { name, value } of loss.metrics(builder, outputs, targets)) {
    builder.output(builder.op('Mul', [value, weights]), metricOutput(name));
  }
  const kept = builder.outputs.map(({ name }) => name);
  return {
    graph: builder.build(),
    bytesFor: (batch) => peakBytes(builder, builder.nodes, kept, { batch }),
  };
}
