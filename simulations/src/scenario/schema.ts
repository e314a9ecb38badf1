/** The scenario as researchers write it; what the schema gives out is the canonical form, every default filled in. */
import {
  contract,
  count,
  encoding,
  kinds,
  loss,
  model,
  optimizer,
  readBy,
  section,
} from '@starling/coordinator/definitions';
import {
  type AlgorithmDefinition,
  algorithmKinds,
  parseAlgorithm,
  StrategyError,
} from '@starling/federation';
import * as z from 'zod';
import { attacks, devices } from './fleet-schema.js';

/** What a scenario learns by: an algorithm, or one of the two ends between which federated learning stands. */
export type ScenarioStrategy =
  | AlgorithmDefinition
  /** Every client trains alone, and nothing is averaged. */
  | { readonly kind: 'local-only' }
  /** All examples in one place: one client that holds everything. */
  | { readonly kind: 'centralized' };

const baselines = ['local-only', 'centralized'] as const;

export const strategyNames: readonly string[] = [...algorithmKinds, ...baselines];

const strategy = readBy(
  (value): ScenarioStrategy => {
    const kind = typeof value === 'object' && value !== null && 'kind' in value ? value.kind : value;
    const baseline = baselines.find((name) => name === kind);
    if (baseline !== undefined) return { kind: baseline };
    if (typeof kind === 'string' && algorithmKinds.includes(kind)) return parseAlgorithm(value);
    const known = `known are ${strategyNames.join(', ')}`;
    if (typeof kind === 'string') {
      throw new StrategyError(
        'unknown-strategy',
        `unknown strategy ${JSON.stringify(kind)}; ${known}`,
        'kind',
      );
    }
    throw new StrategyError('unknown-strategy', `must be a name, or have a kind that is one; ${known}`);
  },
  (error) => (error instanceof StrategyError ? (error.field === undefined ? [] : [error.field]) : undefined),
);

const positive = z.number().positive();
const clients = count.max(100_000_000);

const data = kinds(
  z.discriminatedUnion('kind', [
    section({ kind: z.literal('mnist') }),
    section({
      kind: z.literal('files'),
      /** A folder of examples, or a .csv, .jsonl, .npz or .parquet file. */
      train: z.string().min(1),
      test: z.string().min(1).optional(),
      contract,
      /** A column whose values tell the clients of a natural partition apart. */
      group: z.string().min(1).optional(),
    }),
    section({
      kind: z.literal('synthetic'),
      examples: count.max(100_000).default(20),
      features: count.max(10_000).default(20),
      classes: count.min(2).max(1000).default(2),
      heterogeneity: z.number().min(0).default(0),
    }),
  ]),
);

const partition = z.discriminatedUnion('kind', [
  section({ kind: z.literal('iid'), clients }),
  section({ kind: z.literal('shards'), clients, shardsPerClient: count.max(1000).default(2) }),
  section({ kind: z.literal('dirichlet'), clients, alpha: positive, minimum: count.default(1) }),
  section({ kind: z.literal('quantity'), clients, alpha: positive, minimum: count.default(1) }),
  section({ kind: z.literal('natural') }),
]);

const training = section({
  loss: loss.default({ kind: 'softmax-cross-entropy' }),
  optimizer: optimizer.default({ kind: 'sgd' }),
  /** Examples a step; `all` makes one step of everything a client holds. */
  batchSize: z
    .union([count.max(65_536), z.literal('all')], { error: 'must be a number from 1 to 65536, or all' })
    .default(32),
  epochs: count.max(1000).default(1),
  learningRate: positive,
  learningRateDecay: positive.max(1).default(1),
  /** Most examples a client uses in a round; 0 is all. */
  examplesMax: z.int().min(0).default(0),
  /**
   * Clients of one run of a graph, where nothing is done to single updates; `auto` makes twenty runs of a round. With more
   * than one, sums are rounded to float32 once a client, and so differ in their last bits from those of protocol mode.
   */
  clientsTogether: z
    .union([z.literal('auto'), count.max(32)], { error: 'must be a number from 1 to 32, or auto' })
    .default('auto'),
});

const cohort = z.union([section({ size: count.max(1_000_000) }), section({ fraction: positive.max(1) })], {
  error: 'write either {size: 10} or {fraction: 0.1}',
});

const rotation = kinds(
  z.discriminatedUnion('kind', [
    section({ kind: z.literal('none'), elementMaximum: positive }),
    section({ kind: z.literal('hadamard'), agreement: positive.max(1).default(1) }),
  ]),
);

/** What masked updates go through, computed without the masks: they cancel. */
const secureAggregation = section({
  bits: z.int().min(2).max(16).default(16),
  clipNorm: positive.default(10),
  rotation: rotation.prefault('hadamard'),
  weightMaximum: count.max(2 ** 31).optional(),
});

const privacy = section({
  /** L2 norm that updates are clipped to. */
  clip: positive,
  /** Standard deviation of the noise on the sum, over the clip. */
  noiseMultiplier: z.number().min(0),
  delta: positive.lt(1).default(1e-5),
});

const personalization = kinds(
  z.discriminatedUnion('kind', [
    /** Fine-tuning: some epochs on the client's own examples before it is evaluated. */
    section({
      kind: z.literal('fine-tuning'),
      epochs: count.max(1000).default(1),
      learningRate: positive.optional(),
    }),
    /** Ditto (Li et al. 2021): a model of its own for each client, pulled to the global one by lambda. */
    section({ kind: z.literal('ditto'), lambda: positive.default(0.1), epochs: count.max(1000).default(1) }),
  ]),
);

const evaluation = section({
  /** Rounds between two measurements on the test examples. */
  everyRounds: count.default(1),
  /** The model on clients' own examples: the distribution that fairness is about. */
  clients: section({
    everyRounds: count.default(10),
    /** Share of each client's examples that is kept from training, and evaluated on. */
    holdout: positive.max(0.5).default(0.2),
    /** Most clients that are evaluated; they are drawn once. */
    sample: count.max(1_000_000).default(1000),
  })
    .nullable()
    .default(null),
  personalization: personalization.nullable().default(null),
});

export const scenarioSchema = section({
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
      'use 1 to 64 letters, digits, ".", "_" or "-", a letter or digit first',
    ),
  description: z.string().max(2000).default(''),
  seed: z.int().min(0).max(0xffffffff).default(1),
  /** `protocol` runs the real coordinator and agents in virtual time; `fast` computes what they would. */
  mode: z.enum(['fast', 'protocol']).optional(),
  data,
  partition,
  model,
  training,
  strategy: strategy.prefault('fedavg'),
  cohort,
  encoding: encoding.default({ kind: 'float32' }),
  secureAggregation: secureAggregation.nullable().default(null),
  privacy: privacy.nullable().default(null),
  devices: devices.nullable().default(null),
  attack: attacks.nullable().default(null),
  evaluation: evaluation.prefault({}),
  stop: section({
    rounds: count.max(10_000_000),
    target: section({ metric: z.string().min(1).default('accuracy'), value: z.number() })
      .nullable()
      .default(null),
  }),
  /** Rounds between two checkpoints that are kept; the newest always is. */
  checkpoints: section({ everyRounds: count.default(100) }).prefault({}),
});

/** A scenario as it is written: what has a default may be left out. */
export type ScenarioInput = z.input<typeof scenarioSchema>;

/** A scenario, every default filled in. */
export type Scenario = Readonly<z.output<typeof scenarioSchema>>;
