/** What a plan holds of a layers model, for runtimes that run it as it is. */
import { isRecord } from '../../fields.js';
import type { LayersModel } from './read.js';

/**
 * The topology and the weights that no parameter of the plan gives (statistics, frozen layers), as JSON. Initializers become
 * zeros: every weight is given anyway, and drawing large ones takes long.
 */
export function layersPlanFile(
  { topology, weights }: LayersModel,
  parameters: ReadonlySet<string>,
): Uint8Array {
  const stored = [...weights].flatMap(([name, { shape, data }]) => {
    if (parameters.has(name)) return [];
    const base64 = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
    return [[name, { shape, base64 }] as const];
  });
  const model = { class_name: topology.className, config: withoutInitializers(topology.config) };
  return new TextEncoder().encode(JSON.stringify({ topology: model, weights: Object.fromEntries(stored) }));
}

function withoutInitializers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutInitializers);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key.endsWith('_initializer') && inner !== null
        ? { class_name: 'Zeros', config: {} }
        : withoutInitializers(inner),
    ]),
  );
}
