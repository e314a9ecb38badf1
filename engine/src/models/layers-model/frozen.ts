/** Which weights a layers model was saved not to train. */
import { type LayersModel, list, readLayer } from './read.js';

/** Whether a weight, by name, is of a layer that is not trainable, as the base of a model for transfer learning is. */
export function frozenIn({ topology }: LayersModel): (weight: string) => boolean {
  const layers = list(topology.config.layers, 'layers').map((layer) => readLayer(layer, topology.name));
  const frozen = layers.filter(({ config }) => config.trainable === false);
  return (weight) => frozen.some(({ name }) => weight.startsWith(`${name}/`));
}
