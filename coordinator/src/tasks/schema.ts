import { requiredRuntimes } from '@starling/engine';
import { defaultGraphRequirements } from '@starling/federation';
import * as z from 'zod';
import type { TaskDefinition } from './definition.js';
import { contract, count, encoding, fraction, loss, model, optimizer, strategy } from './parts.js';
import { privacySchema } from './privacy-schema.js';
import { byKind, section } from './sections.js';

const milliseconds = z
  .int()
  .min(1)
  .max(7 * 24 * 3_600_000);

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
    bits: z.int().min(2).max(16).optional(),
    clipNorm: z.number().positive().default(10),
    rotation: rotation.prefault('hadamard'),
  }).prefault({}),
  weightMaximum: count.max(2 ** 31).optional(),
  metricMaximum: z.number().positive().default(100),
  keysMs: milliseconds.default(60_000),
  answersMs: milliseconds.default(20_000),
  answersGraceMs: milliseconds.default(3_000),
});

/** Fine enough for small models too, whose deltas are far shorter than the bound they are clipped to. */
const bitsDefault = 16;
/** Below noise that devices add themselves, finer steps say nothing, and only make the ring wider. */
const noisyBitsDefault = 6;

/** Without a bound of their own, updates weigh as many examples at most as a device uses, or else this many. */
const weightMaximumDefault = 10_000;

const cohort = section({
  size: count,
  minimum: count.optional(),
  overSelection: z.number().min(1).max(10).default(1),
}).transform(({ size, minimum, overSelection }) => ({ size, minimum: minimum ?? size, overSelection }));

const objective = { metric: z.string().min(1), source: z.enum(['training', 'federated', 'central']) };

/** What a task may be called. */
export const taskNameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The task as operators write it; its output is the canonical form. */
export const taskSchema: z.ZodType<TaskDefinition> = section({
  name: z
    .string()
    .regex(taskNameForm, 'use 1 to 64 letters, digits, ".", "_" or "-", a letter or digit first'),
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
    memoryMegabytes: count.max(1_000_000).optional(),
    runtime: z.enum(requiredRuntimes).optional(),
  }),
  quantization: section({ aware: section({ ranges: z.enum(['observed', 'learned']).default('observed') }) })
    .nullable()
    .default(null),
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
    encoding: {
      ...task.secureAggregation.encoding,
      bits:
        task.secureAggregation.encoding.bits ??
        (task.privacy.kind === 'distributed' ? noisyBitsDefault : bitsDefault),
    },
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
