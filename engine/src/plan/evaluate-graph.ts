/** `evaluate.onnx`: weighted metric sums over any number of examples. */
import type { LossGraph } from '../losses/index.js';
import type { TrainableModel } from '../models/index.js';
import { GraphBuilder, int, type Model } from '../onnx/index.js';
import { splitParameters } from './flat-parameters.js';
import { evaluateInputs, sumsOutput } from './names.js';

export function evaluateGraph(model: TrainableModel, loss: LossGraph): Model {
  const builder = new GraphBuilder({ name: 'evaluate' });
  const flat = builder.input(evaluateInputs.parameters, 'float32', [model.parameterCount]);
  const examples = builder.input(evaluateInputs.examples, 'float32', ['batch', ...model.inputShape]);
  const targetShape = loss.targetShape(model.outputShape);
  const targets = builder.input(evaluateInputs.targets, loss.targetDataType, ['batch', ...targetShape]);
  const weights = builder.input(evaluateInputs.exampleWeights, 'float32', ['batch']);
  const outputs = model.forward(builder, examples, splitParameters(builder, flat, model.parameters));
  for (const { name, value } of loss.metrics(builder, outputs, targets)) {
    const weighted = builder.op('Mul', [value, weights]);
    builder.output(builder.op('ReduceSum', [weighted], { keepdims: int(0) }), sumsOutput(name));
  }
  return builder.build();
}
