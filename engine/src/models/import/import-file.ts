/** A model of a file: ONNX, or layers of TensorFlow.js. */
import type { Model } from '../../onnx/index.js';
import { ModelError } from '../errors.js';
import {
  convertLayersModel,
  frozenIn,
  type LayersModel,
  layersPlanFile,
  readLayersModel,
} from '../layers-model/index.js';
import type { TrainableModel } from '../trainable.js';
import { readTrainedPart } from './external-data.js';
import { foldImported } from './fold.js';
import { type ImportOptions, importModel } from './import-model.js';
import { parameterTensors } from './trainable-tensors.js';

/** @throws OnnxError where the file is no model that can be read, ModelError where it cannot be trained */
export function importModelFile(path: string, options: ImportOptions = {}): TrainableModel {
  if (!path.endsWith('.json')) return importModel(readTrainedPart(path, options.output), options);
  const layers = readLayersModel(path);
  const converted = convertLayersModel(layers, options.output);
  const model = importModel(converted, { ...notFrozen(layers, converted), ...options });
  const { trainable: _any, ...changes } = options;
  if (Object.keys(changes).length > 0) return model;
  return { ...model, layersFile: layersPlanFile(layers, new Set(model.parameters.map(({ name }) => name))) };
}

/** Unless told, what the file says is trained. */
function notFrozen(layers: LayersModel, converted: Model): Pick<ImportOptions, 'trainable'> {
  const isFrozen = frozenIn(layers);
  const names = parameterTensors({ ...converted, graph: foldImported(converted).graph }).map(
    ({ name }) => name,
  );
  const trainable = names.filter((name) => !isFrozen(name));
  if (trainable.length === names.length) return {};
  if (trainable.length > 0) return { trainable };
  throw new ModelError(
    'model/invalid',
    `the model was saved with every layer frozen; let "trainable" name what to train, of ${names.join(', ')}`,
  );
}
