import { createSeededEntropy, uniform } from '@starling/federation';

/** Updates like those of a model's layers: each layer has its own scale, and devices agree in part. */
export interface Updates {
  readonly parameters: number;
  readonly clients: number;
  /** Norm of the largest. */
  readonly norm: number;
  /** Largest absolute value of an element of any. */
  readonly elementMaximum: number;
  /** `[parameters]`, valid until the next call. */
  of(client: number): Float32Array;
  weightOf(client: number): number;
}

const layerScales = [4, 1, 2, 0.5, 1, 0.25, 8, 1];
/** Share of each update that all have in common. */
const common = 0.15;

/** Normal numbers, `[length]` (Box and Muller 1958). */
function normals(length: number, seed: string): Float32Array {
  const entropy = createSeededEntropy(seed);
  const values = new Float32Array(length + 1);
  for (let i = 0; i < length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform(entropy)));
    const angle = 2 * Math.PI * uniform(entropy);
    values[i] = radius * Math.cos(angle);
    values[i + 1] = radius * Math.sin(angle);
  }
  return values.subarray(0, length);
}

export function createUpdates(clients: number, parameters: number): Updates {
  const shared = normals(parameters, 'what all have in common');
  // Each client reads it from another place on: hardly less different than numbers of its own, and drawn once.
  const own = normals(2 * parameters + 7_919 * clients, 'what they have not');
  const delta = new Float32Array(parameters);
  const of = (client: number): Float32Array => {
    for (let i = 0; i < parameters; i += 1) {
      const layer = layerScales[Math.floor((i * layerScales.length) / parameters)];
      const value = common * shared[i] + (1 - common) * own[i + 7_919 * client];
      delta[i] = (layer * value) / Math.sqrt(parameters);
    }
    return delta;
  };
  let norm = 0;
  let elementMaximum = 0;
  for (let client = 0; client < clients; client += 1) {
    let squares = 0;
    for (const element of of(client)) {
      squares += element * element;
      if (Math.abs(element) > elementMaximum) elementMaximum = Math.abs(element);
    }
    norm = Math.max(norm, Math.sqrt(squares));
  }
  return { parameters, clients, norm, elementMaximum, of, weightOf: (client) => 400 + (client % 200) };
}
