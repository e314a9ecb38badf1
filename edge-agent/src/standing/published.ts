/**
 * The standing as a file in the state directory, written by the agent that runs and read by whoever asks. What it says
 * was true when it was written: a reader compares its process with the one that holds the lock.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { isMissing } from '../state/atomic-file.js';

const count = z.int().min(0);
const time = z.number().min(0);
const lastRound = z.strictObject({
  runId: z.string(),
  round: count,
  attempt: count,
  task: z.string(),
  atMs: time,
  outcome: z.enum(['delivered', 'confirmed', 'evaluated', 'failed', 'left', 'interrupted']),
  code: z.string().nullable(),
});
const schema = z.strictObject({
  processId: count,
  /** When this was written. */
  atMs: time,
  connection: z.strictObject({
    kind: z.enum(['connecting', 'connected', 'backing-off', 'incompatible', 'not-needed']),
    sinceMs: time,
    lastError: z.strictObject({ code: z.string(), atMs: time }).nullable(),
  }),
  training: z.strictObject({
    kind: z.enum(['idle', 'training', 'paused']),
    sinceMs: time,
    work: z
      .strictObject({
        task: z.string(),
        round: z.strictObject({ runId: z.string(), round: count, attempt: count }),
      })
      .nullable(),
    reasons: z.array(z.string()),
  }),
  lastRound: lastRound.nullable(),
});

export type PublishedStanding = Readonly<z.infer<typeof schema>>;

export function standingPath(stateFolder: string): string {
  return join(stateFolder, 'standing.json');
}

/** Undefined where there is none, or none that this version understands: it is not worth an error. */
export async function readStanding(stateFolder: string): Promise<PublishedStanding | undefined> {
  let text: string;
  try {
    text = await readFile(standingPath(stateFolder), 'utf8');
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
