import { createSeededEntropy, shuffle } from '../../ports/index.js';

/** Who is whose neighbour. Devices are indices 0..devices-1 of the round's roster. */
export interface Graph {
  readonly devices: number;
  readonly degree: number;
  /** Ring order: `order[place]` is the device at that place; empty for the complete graph. */
  readonly order: Int32Array;
  /** `places[device]` is its place on the ring. */
  readonly places: Int32Array;
}

/**
 * The Harary graph H(devices, degree) over a random permutation (Bell et al. 2020, section 3.2): devices stand on a
 * ring in random order, and each is joined to the degree/2 before and after it. `seed` is public and decides the
 * permutation, so that everybody computes the same graph. A degree of `devices - 1` is the complete graph.
 */
export function createGraph(devices: number, degree: number, seed: Uint8Array): Graph {
  if (degree === devices - 1) return { devices, degree, order: new Int32Array(0), places: new Int32Array(0) };
  const entropy = createSeededEntropy(`secure aggregation graph ${Buffer.from(seed).toString('hex')}`);
  const order = Int32Array.from(
    shuffle(
      entropy,
      Array.from({ length: devices }, (_, i) => i),
    ),
  );
  const places = new Int32Array(devices);
  for (let place = 0; place < devices; place += 1) places[order[place]] = place;
  return { devices, degree, order, places };
}

/** The neighbours of `device`, ascending. */
export function neighboursOf(graph: Graph, device: number): number[] {
  const { devices, degree, order, places } = graph;
  const neighbours: number[] = [];
  if (order.length === 0) {
    for (let other = 0; other < devices; other += 1) if (other !== device) neighbours.push(other);
    return neighbours;
  }
  for (let distance = 1; distance <= degree / 2; distance += 1) {
    neighbours.push(order[(places[device] + distance) % devices]);
    neighbours.push(order[(places[device] - distance + devices) % devices]);
  }
  return neighbours.sort((a, b) => a - b);
}
