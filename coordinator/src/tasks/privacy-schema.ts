import { distributedNoiseKinds } from '@starling/federation';
import * as z from 'zod';
import type { PrivacyDefinition } from './privacy.js';
import { byKind, section } from './sections.js';

const clipRemedy =
  'noise hides a device only where its update is clipped: give a bound on its L2 norm, such as "clip: 1", or "clip: { kind: adaptive }"';

const clip = z.preprocess(
  (value, context) => {
    if (typeof value === 'number') return { kind: 'fixed', bound: value };
    if (value !== undefined) return byKind(value);
    context.addIssue({ code: 'custom', message: clipRemedy });
    return z.NEVER;
  },
  z.discriminatedUnion('kind', [
    section({ kind: z.literal('fixed'), bound: z.number().positive() }),
    section({
      kind: z.literal('adaptive'),
      initialBound: z.number().positive().default(1),
      quantile: z.number().min(0).max(1).default(0.5),
      learningRate: z.number().positive().default(0.2),
      countStddev: z.number().positive().nullable().default(null),
    }),
  ]),
);

const noise = z.preprocess(
  (value) => (typeof value === 'number' ? { kind: 'explicit', multiplier: value } : byKind(value)),
  z.discriminatedUnion('kind', [
    section({ kind: z.literal('calibrated'), rounds: z.int().min(1).nullable().default(null) }),
    section({ kind: z.literal('explicit'), multiplier: z.number().positive() }),
  ]),
);

const budget = {
  epsilon: z.number().positive(),
  delta: z.number().positive().lt(1),
  clip,
  noise: noise.prefault('calibrated'),
  population: z.int().min(1).nullable().default(null),
};

/** The part `privacy` of a task; `none` where it is left out. */
export const privacySchema: z.ZodType<PrivacyDefinition> = z.preprocess(
  byKind,
  z.discriminatedUnion('kind', [
    section({ kind: z.literal('none') }),
    section({
      kind: z.literal('central'),
      ...budget,
      accountant: z.enum(['rdp', 'pld']).optional(),
    }).transform(
      // Tighter, and silent on cohorts that are drawn without replacement.
      (central) => ({
        ...central,
        accountant: central.accountant ?? (central.population === null ? 'pld' : 'rdp'),
      }),
    ),
    section({
      kind: z.literal('distributed'),
      ...budget,
      mechanism: z.enum(distributedNoiseKinds).default('skellam'),
      accountant: z.literal('rdp').default('rdp'),
    }),
  ]),
);

/**
 * Under privacy every update weighs the same. A task that does not say how its strategy weighs means that; one that
 * says otherwise is told.
 */
export function withWeighting(task: unknown): unknown {
  if (typeof task !== 'object' || task === null || !('privacy' in task)) return task;
  const privacy = byKind(task.privacy);
  if (typeof privacy !== 'object' || privacy === null || !('kind' in privacy) || privacy.kind === 'none') {
    return task;
  }
  const strategy = byKind('strategy' in task ? task.strategy : 'fedavg');
  if (typeof strategy !== 'object' || strategy === null) return task;
  return { ...task, strategy: { weighting: 'uniform', ...strategy } };
}
