import {
  ExamplesError,
  ModelError,
  modelNames,
  namedModel,
  parseImport,
  parseModel,
  readContract,
} from '@starling/engine';
import {
  defaultGraphRequirements,
  parseStrategy,
  StrategyError,
  stochastic8BitEncoding,
} from '@starling/federation';
import * as z from 'zod';
import type { TaskDefinition } from './definition.js';
import { privacySchema } from './privacy-schema.js';
import { byKind, section } from './sections.js';

/** Hands a part to the reader of the package that owns it; its error becomes one at the part's place. */
function readBy<T>(read: (value: unknown) => T, placeOf: (error: Error) => (string | number)[] | undefined) {
  return z.unknown().transform((value, context): T => {
    try {
      return read(value);
    } catch (error) {
      const path = error instanceof Error ? placeOf(error) : undefined;
      if (!(error instanceof Error) || path === undefined) throw error;
      context.addIssue({ code: 'custom', message: error.message, path });
      return z.NEVER;
    }
  });
}

const count = z.int().min(1);
const milliseconds = z
  .int()
  .min(1)
  .max(7 * 24 * 3_600_000);
const fraction = z.number().min(0).lt(1);

const model = readBy(
  (value): TaskDefinition['model'] => {
    if (typeof value === 'object' && value !== null && 'onnx' in value) return parseImport(value);
    if (typeof value !== 'object' || value === null || !('builtin' in value)) return parseModel(value);
    const extra = Object.keys(value).find((key) => key !== 'builtin');
    if (extra) throw new ModelError('model/invalid', `"${extra}" does not go with "builtin"; leave one out`);
    if (typeof value.builtin !== 'string') {
      throw new ModelError('model/unknown', `"builtin" must be one of ${modelNames.join(', ')}`);
    }
    namedModel(value.builtin);
    return { builtin: value.builtin };
  },
  (error) => {
    if (!(error instanceof ModelError)) return undefined;
    return error.layerIndex === undefined ? [] : ['layers', error.layerIndex];
  },
);

const contract = readBy(
  (value) => readContract(value, 'contract'),
  (error) => {
    if (!(error instanceof ExamplesError)) return undefined;
    const steps = [...error.path.matchAll(/[^.[\]]+/g)].map(([step]) => step);
    return steps.slice(1).map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  },
);

const strategy = readBy(parseStrategy, (error) => {
  if (!(error instanceof StrategyError)) return undefined;
  return error.field === undefined ? [] : [error.field];
});

const loss = z.preprocess(
  byKind,
  z.discriminatedUnion('kind', [
    section({ kind: z.literal('softmax-cross-entropy') }),
    section({ kind: z.literal('binary-cross-entropy') }),
    section({ kind: z.literal('mean-squared-error') }),
    section({ kind: z.literal('huber'), delta: z.number().positive().default(1) }),
  ]),
);

const moments = {
  beta1: fraction.default(0.9),
  beta2: fraction.default(0.999),
  epsilon: z.number().positive().default(1e-8),
};

const optimizer = z.preprocess(
  byKind,
  z.discriminatedUnion('kind', [
    section({ kind: z.literal('sgd') }),
    section({
      kind: z.literal('momentum'),
      momentum: fraction.default(0.9),
      nesterov: z.boolean().default(false),
    }),
    section({ kind: z.literal('adam'), ...moments }),
    section({ kind: z.literal('adamw'), ...moments, weightDecay: z.number().min(0).default(0.01) }),
  ]),
);

const encoding = z.preprocess(
  byKind,
  z.discriminatedUnion('kind', [
    section({ kind: z.literal('float32') }),
    section({
      kind: z.literal('stochastic-quantization'),
      bits: z.literal(8).default(8),
      blockSize: z.int().min(1).max(65_536).default(stochastic8BitEncoding.blockSize),
    }),
  ]),
);

const rotation = z.preprocess(
  byKind,
  z.discriminatedUnion('kind', [
    section({ kind: z.literal('none'), elementMaximum: z.number().positive() }),
    section({ kind: z.literal('hadamard'), agreement: z.number().positive().max(1).default(1) }),
  ]),
);

const bits = z.int().min(1).max(128);

const secureAggregation = section({
  corruptFraction: fraction.default(defaultGraphRequirements.corruptFraction),
  dropoutFraction: fraction.default(defaultGraphRequirements.dropoutFraction),
  securityBits: bits.default(defaultGraphRequirements.securityBits),
  correctnessBits: bits.default(defaultGraphRequirements.correctnessBits),
  encoding: section({
    // Fine enough for small models too, whose deltas are far shorter than the bound they are clipped to.
    bits: z.int().min(2).max(16).default(16),
    clipNorm: z.number().positive().default(10),
    rotation: rotation.prefault('hadamard'),
  }).prefault({}),
  weightMaximum: count.max(2 ** 31).optional(),
  metricMaximum: z.number().positive().default(100),
  keysMs: milliseconds.default(60_000),
  answersMs: milliseconds.default(20_000),
  answersGraceMs: milliseconds.default(3_000),
});

/** Without a bound of their own, updates weigh as many examples at most as a device uses, or else this many. */
const weightMaximumDefault = 10_000;

const cohort = section({
  size: count,
  minimum: count.optional(),
  overSelection: z.number().min(1).max(10).default(1),
}).transform(({ size, minimum, overSelection }) => ({ size, minimum: minimum ?? size, overSelection }));

const objective = { metric: z.string().min(1), source: z.enum(['training', 'federated', 'central']) };

/** The task as operators write it; its output is the canonical form. */
export const taskSchema: z.ZodType<TaskDefinition> = section({
  name: z
    .string()
    .regex(
      /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/,
      'use 1 to 64 letters, digits, ".", "_" or "-", a letter or digit first',
    ),
  description: z.string().max(1000).default(''),
  model,
  contract,
  training: section({
    loss,
    optimizer: optimizer.default({ kind: 'sgd' }),
    batchSize: count.max(65_536).default(32),
    epochs: count.max(1000).default(1),
    learningRate: z.number().positive(),
    learningRateDecay: z.number().positive().max(1).default(1),
    examplesMax: z.int().min(0).default(0),
  }),
  strategy: strategy.prefault('fedavg'),
  secureAggregation: z
    .union([z.literal('none').transform(() => null), z.null(), secureAggregation])
    .prefault({}),
  encoding: encoding.default({ kind: 'float32' }),
  privacy: privacySchema.prefault('none'),
  cohort,
  deadlines: section({
    recruitMs: milliseconds.default(60_000),
    recruitGraceMs: z.int().min(0).default(1_000),
    collectMs: milliseconds.default(120_000),
    collectProgressMs: milliseconds.default(60_000),
    collectMaxMs: milliseconds.default(600_000),
  }).prefault({}),
  evaluation: section({
    federated: section({
      everyRounds: count.default(1),
      holdout: z.number().positive().max(0.5),
      cohort: cohort.optional(),
    })
      .nullable()
      .default(null),
    central: section({ everyRounds: count.default(1), examples: z.string().min(1) })
      .nullable()
      .default(null),
  }).prefault({}),
  stop: section({
    rounds: count,
    target: section({ ...objective, value: z.number() })
      .nullable()
      .default(null),
    patience: section({
      ...objective,
      measurements: count,
      minimumChange: z.number().min(0).default(0),
    })
      .nullable()
      .default(null),
  }),
  attempts: count.max(1000).default(5),
}).transform((task) => ({
  ...task,
  secureAggregation: task.secureAggregation && {
    ...task.secureAggregation,
    weightMaximum:
      task.secureAggregation.weightMaximum ?? (task.training.examplesMax || weightMaximumDefault),
  },
  evaluation: {
    ...task.evaluation,
    federated: task.evaluation.federated && {
      ...task.evaluation.federated,
      cohort: task.evaluation.federated.cohort ?? task.cohort,
    },
  },
}));
