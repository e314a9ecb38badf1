/** `predict.onnx`: the inference form; its parameters are an input until `exportModel` stores them. */
import type { TrainableModel } from '../models/index.js';
import { GraphBuilder, type Model } from '../onnx/index.js';
import { splitParameters } from './flat-parameters.js';
import { predictNames } from './names.js';

export function predictGraph(model: TrainableModel): Model {
  const builder = new GraphBuilder({ name: 'predict' });
  const flat = builder.input(predictNames.parameters, 'float32', [model.parameterCount]);
  const input = builder.input(predictNames.input, 'float32', ['batch', ...model.inputShape]);
  const tensors = splitParameters(builder, flat, model.parameters).map((tensor, index) => {
    // Under the manifest's names, by which exporting finds what to store.
    const { name } = model.parameters[index];
    const [named] = builder.append({
      name: `parameter/${name}`,
      opType: 'Identity',
      domain: '',
      inputs: [tensor.name],
      outputs: [name],
      attributes: {},
    });
    return named;
  });
  builder.output(model.forward(builder, input, tensors, { plain: true }), predictNames.output);
  return builder.build();
}
