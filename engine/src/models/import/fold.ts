import { foldConstants, type Model } from '../../onnx/index.js';
import { kindsOfNames } from './parameter-names.js';

/**
 * Folds what does not depend on inputs or parameters; the batch stays a name, unless `batch` says its size.
 * Everything stored as float32 may be a parameter, so nothing is computed from it.
 */
export function foldImported(model: Model, batch?: number): Model {
  const [name] = model.graph.inputs[0]?.shape ?? [];
  const kindOf = kindsOfNames(model);
  const float = (key: string) => {
    const stored = model.graph.initializers.get(key);
    return stored?.dataType === 'float32' && (stored.data.length > 1 || kindOf(key) === 'parameter');
  };
  return foldConstants(model, {
    dimensions: typeof name === 'string' && batch !== undefined ? { [name]: batch } : {},
    keep: float,
  });
}
