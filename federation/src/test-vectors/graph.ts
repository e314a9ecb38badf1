import {
  createGraph,
  defaultGraphRequirements,
  type GraphRequirements,
  graphParameters,
  neighboursOf,
} from '../secure-aggregation/graph/index.js';

const settings: readonly (readonly [GraphRequirements, readonly number[]])[] = [
  [defaultGraphRequirements, [2, 5, 21, 31, 32, 40, 50, 100, 200, 500, 1_000, 5_000]],
  [{ corruptFraction: 0.05, dropoutFraction: 0.1, securityBits: 20, correctnessBits: 10 }, [32, 100, 1_000]],
  [{ corruptFraction: 0.3, dropoutFraction: 0.3, securityBits: 40, correctnessBits: 20 }, [40, 300, 2_000]],
];

/** How many neighbours, what threshold, and who the neighbours are. */
export function graphVectors(): object {
  const seed = Uint8Array.from({ length: 32 }, (_, i) => i);
  const graphs = [
    [6, 5],
    [20, 6],
    [40, 22],
  ] as const;
  return {
    describes: 'the graph: docs/protocol.md, "The graph"',
    parameters: settings.flatMap(([requirements, cohorts]) =>
      cohorts.map((devices) => ({ devices, ...requirements, ...graphParameters(devices, requirements) })),
    ),
    graphs: graphs.map(([devices, degree]) => {
      const graph = createGraph(devices, degree, seed);
      return {
        devices,
        degree,
        seed: Buffer.from(seed).toString('hex'),
        order: Array.from(graph.order),
        neighbours: Array.from({ length: devices }, (_, device) => neighboursOf(graph, device)),
      };
    }),
  };
}
