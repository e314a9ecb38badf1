/** What masked updates cost on the wire and lose in rounding, by bits, with and without rotation. */
import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import {
  computeRing,
  createSeededEntropy,
  decodeSum,
  defaultGraphRequirements,
  encodeContribution,
  graphParameters,
  type ModularEncoding,
  type ModularLayout,
  wrapBudget,
} from '@starling/federation';
import { type Benchmark, type Figure, median, rounded } from '../figure.js';
import { uploadBytes } from '../secure-aggregation/upload.js';
import { createUpdates, type Updates } from './updates.js';

const rotationSeed = new Uint8Array(32).fill(2);

export const encoding: Benchmark = {
  summary: 'masked updates by bits, with and without rotation: size, error, time',
  options: [
    '--clients N          100 otherwise',
    '--parameters N       200000 otherwise',
    '--bits N,N           4,6,8,16 otherwise',
    '--agreement SHARE    that the rotated sum is allowed; 0.25 otherwise',
  ],
  async *run({ args, note }) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        clients: { type: 'string', default: '100' },
        parameters: { type: 'string', default: '200000' },
        bits: { type: 'string', default: '4,6,8,16' },
        agreement: { type: 'string', default: '0.25' },
      },
    });
    const updates = createUpdates(Number(values.clients), Number(values.parameters));
    const mean = meanOf(updates);
    for (const bits of values.bits.split(',').map(Number)) {
      for (const rotation of [
        { kind: 'none', elementMaximum: updates.elementMaximum },
        { kind: 'hadamard', agreement: Number(values.agreement) },
      ] as const) {
        note(`${bits} bits, rotation ${rotation.kind}`);
        yield* measure(updates, mean, { bits, clipNorm: updates.norm, rotation });
      }
    }
  },
};

function* measure(updates: Updates, mean: Float64Array, modular: ModularEncoding): Generator<Figure> {
  const { clients, parameters } = updates;
  const layout = computeRing({
    encoding: modular,
    parameterCount: parameters,
    cohort: clients,
    weightMaximum: 1_000,
    metrics: [{ name: 'loss', minimum: 0, maximum: 10_000, bits: 24 }],
  });
  const sum = new Uint32Array(layout.vectorLength);
  const times = Array.from({ length: clients }, (_, client) => add(layout, updates, client, sum));
  const start = performance.now();
  const decoded = decodeSum(layout, sum, clients, rotationSeed);
  const decodeTime = performance.now() - start;
  const { degree } = graphParameters(clients, defaultGraphRequirements);
  const figure = (metric: string, value: number, unit: string): Figure => ({
    benchmark: 'encoding',
    case: `${modular.bits} bits, ${modular.rotation.kind === 'none' ? 'not rotated' : 'rotated'}`,
    metric,
    unit,
    value: rounded(value),
  });
  yield figure('ringBits', layout.ringBits, 'bits');
  const bytes = uploadBytes(layout.vectorLength, layout.ringBits, degree);
  yield figure('uploadPerParameter', (8 * bytes) / parameters, 'bits');
  yield figure('meanError', errorOf(decoded.mean, mean), '%');
  if (modular.rotation.kind === 'hadamard') {
    yield figure('agreement', decoded.report.agreement, 'of 1');
    const { elementWraps } = wrapBudget(layout);
    yield figure('wrapBudget', parameters * elementWraps, 'elements');
  }
  yield figure('encodeTime', median(times), 'ms');
  yield figure('decodeTime', decodeTime, 'ms');
}

/** Adds the update of `client`; gives the milliseconds that encoding it took. */
function add(layout: ModularLayout, updates: Updates, client: number, sum: Uint32Array): number {
  const mask = 2 ** layout.ringBits - 1;
  const contribution = {
    delta: updates.of(client),
    weight: updates.weightOf(client),
    metrics: { loss: client },
  };
  const rounding = createSeededEntropy(randomBytes(16).toString('hex'));
  const start = performance.now();
  const { vector } = encodeContribution(layout, contribution, { rotationSeed, rounding });
  const time = performance.now() - start;
  for (let i = 0; i < sum.length; i += 1) sum[i] = (sum[i] + vector[i]) & mask;
  return time;
}

function meanOf({ clients, parameters, of, weightOf }: Updates): Float64Array {
  const mean = new Float64Array(parameters);
  let weights = 0;
  for (let client = 0; client < clients; client += 1) {
    const delta = of(client);
    const weight = weightOf(client);
    weights += weight;
    for (let i = 0; i < parameters; i += 1) mean[i] += weight * delta[i];
  }
  return mean.map((element) => element / weights);
}

/** L2 norm of the difference over that of `mean`, in percent. */
function errorOf(decoded: Float32Array, mean: Float64Array): number {
  let difference = 0;
  let squares = 0;
  for (let i = 0; i < mean.length; i += 1) {
    difference += (decoded[i] - mean[i]) ** 2;
    squares += mean[i] ** 2;
  }
  return 100 * Math.sqrt(difference / squares);
}
