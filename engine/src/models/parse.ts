import { fail, isRecord, type Place, readFields } from '../fields.js';
import type { Layer, SequentialModel } from './definition.js';
import { ModelError } from './errors.js';
import { findLayerType, layerKinds } from './layers/index.js';

/** How errors name a layer. */
export function layerPlace(index: number, kind: string | undefined): Place {
  return {
    name: kind === undefined ? `layer ${index}` : `layer ${index} (${kind})`,
    error: (message) => new ModelError('model/invalid', message, index),
  };
}

const modelPlace: Place = {
  name: 'the model',
  error: (message) => new ModelError('model/invalid', message),
};

/**
 * Reads a model definition from untrusted data (what `JSON.parse` gave), filling in defaults, so that equal
 * models become equal definitions. Whether the layers fit each other is {@link buildModel}'s to say.
 * @throws ModelError `model/invalid`, naming the layer, the field and what would be right
 */
export function parseModel(value: unknown): SequentialModel {
  const fields = readFields(value, modelPlace);
  const kind = fields.oneOf('kind', ['sequential']);
  const inputShape = fields.integers('inputShape', undefined, 1);
  const layers = fields.raw('layers');
  fields.end();
  if (inputShape.length === 0) {
    fail(fields.place, '"inputShape" must have at least one axis, such as [784] or [1, 28, 28]');
  }
  if (!Array.isArray(layers) || layers.length === 0) {
    fail(fields.place, '"layers" must be a list of at least one layer');
  }
  return { kind, inputShape, layers: layers.map(parseLayer) };
}

function parseLayer(value: unknown, index: number): Layer {
  const named = isRecord(value) ? value.kind : undefined;
  const found = findLayerType(named);
  if (found === undefined) {
    fail(
      layerPlace(index, undefined),
      `unknown kind ${JSON.stringify(named)}; choose one of ${layerKinds.join(', ')}`,
    );
  }
  const fields = readFields(value, layerPlace(index, found.kind));
  fields.raw('kind');
  const layer = found.type.read(found.kind, fields);
  fields.end();
  return layer;
}
