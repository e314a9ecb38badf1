/** A `drift.json`, as it is read from a disk. */
import * as z from 'zod';
import type { DriftReference } from './reference.js';

const column = z.strictObject({
  name: z.string(),
  edges: z.array(z.number()).max(256),
  shares: z.array(z.number().min(0).max(1)).max(257),
});

export const driftReferenceSchema: z.ZodType<DriftReference> = z
  .strictObject({
    features: z.array(column.extend({ start: z.int().min(0), elements: z.int().min(1) })).max(1024),
    score: column.optional(),
    rows: z.int().min(1),
  })
  .refine(
    ({ features, score }) =>
      [...features, ...(score === undefined ? [] : [score])].every(
        ({ edges, shares }) =>
          shares.length === edges.length + 1 &&
          edges.every((edge, index) => index === 0 || edge > edges[index - 1]),
      ),
    'edges must ascend, and there must be one share more than edges',
  );
