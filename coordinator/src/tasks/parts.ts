/** The parts that a task shares with other descriptions of learning, such as a scenario of the simulator. */
import {
  ExamplesError,
  ModelError,
  modelNames,
  namedModel,
  parseImport,
  parseModel,
  readContract,
} from '@starling/engine';
import { parseStrategy, StrategyError, stochastic8BitEncoding } from '@starling/federation';
import * as z from 'zod';
import type { TaskDefinition } from './definition.js';
import { kinds, section } from './sections.js';

/** Hands a part to the reader of the package that owns it; its error becomes one at the part's place. */
export function readBy<T>(
  read: (value: unknown) => T,
  placeOf: (error: Error) => (string | number)[] | undefined,
) {
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

export const count = z.int().min(1);
export const fraction = z.number().min(0).lt(1);

export const model = readBy(
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

export const contract = readBy(
  (value) => readContract(value, 'contract'),
  (error) => {
    if (!(error instanceof ExamplesError)) return undefined;
    const steps = [...error.path.matchAll(/[^.[\]]+/g)].map(([step]) => step);
    return steps.slice(1).map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  },
);

export const strategy = readBy(parseStrategy, (error) => {
  if (!(error instanceof StrategyError)) return undefined;
  return error.field === undefined ? [] : [error.field];
});

export const loss = kinds(
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

export const optimizer = kinds(
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

export const encoding = kinds(
  z.discriminatedUnion('kind', [
    section({ kind: z.literal('float32') }),
    section({
      kind: z.literal('stochastic-quantization'),
      bits: z.literal(8).default(8),
      blockSize: z.int().min(1).max(65_536).default(stochastic8BitEncoding.blockSize),
    }),
  ]),
);
