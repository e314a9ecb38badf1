import { foldConstants, type Model } from '../../onnx/index.js';

/**
 * Folds what does not depend on inputs or parameters; the batch stays a name, unless `batch` says its size.
 * Everything stored as float32 may be a parameter, so nothing is computed from it.
 */
export function foldImported(model: Model, batch?: number): Model {
  const [name] = model.graph.inputs[0]?.shape ?? [];
  const float = (key: string) => {
    const stored = model.graph.initializers.get(key);
    return stored?.dataType === 'float32' && stored.shape.length > 0 && stored.data.length > 1;
  };
  return foldConstants(model, {
    dimensions: typeof name === 'string' && batch !== undefined ? { [name]: batch } : {},
    keep: float,
  });
}
