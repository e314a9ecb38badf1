/** The header of a kept update as it lies in the state directory. */
import * as z from 'zod';
import type { FinishedUpdate } from '../connection/assignment.js';

const count = z.int().min(0);

const headerSchema = z.strictObject({
  round: z.strictObject({ runId: z.string(), round: count, attempt: count }),
  taskName: z.string(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  bytes: count,
  exampleCount: count,
  metrics: z.strictObject({ weight: z.number(), sums: z.record(z.string(), z.number()) }),
  trainingMs: count,
  masked: z.boolean().optional(),
});

/** What the text says, or undefined where it is no header: a damaged one is worth nothing. */
export function parseUpdateHeader(text: string): FinishedUpdate | undefined {
  try {
    return headerSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
