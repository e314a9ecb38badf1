/** `predict.onnx`: the inference form; its parameters are an input until `exportModel` stores them. */
import { allParameters, type TrainableModel } from '../models/trainable.js';
import { GraphBuilder, type Model } from '../onnx/index.js';
import { localInput, splitAll } from './flat-parameters.js';
import { predictNames, predictParameter } from './names.js';

export function predictGraph(model: TrainableModel): Model {
  const entries = allParameters(model);
  const names = entries.map(({ name }) => predictParameter(name));
  const builder = new GraphBuilder({ name: 'predict', reserved: [...Object.values(predictNames), ...names] });
  const flat = builder.input(predictNames.parameters, 'float32', [model.parameterCount]);
  const input = builder.input(predictNames.input, 'float32', ['batch', ...model.inputShape]);
  const local = localInput(builder, model, predictNames.local);
  const tensors = splitAll(builder, model, flat, local).map((tensor, index) => {
    // Under the manifest's names, by which exporting finds what to store.
    const name = names[index];
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
