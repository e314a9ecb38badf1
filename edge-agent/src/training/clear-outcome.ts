import { createHash } from 'node:crypto';
import type { Assignment, FinishedUpdate, Outcome } from '../connection/assignment.js';
import type { UpdateStore } from '../state/update-store.js';
import type { Told } from './protect.js';

/** Keeps what was computed and encoded, of a round without masks. */
export async function clearOutcome(
  updates: UpdateStore,
  { round, taskName }: Assignment,
  payload: Uint8Array,
  told: Told,
  trainingMs: number,
): Promise<Outcome> {
  const update: FinishedUpdate = {
    round,
    taskName,
    sha256: createHash('sha256').update(payload).digest('hex'),
    bytes: payload.byteLength,
    ...told,
    trainingMs,
  };
  await updates.save(update, payload);
  return { kind: 'update', update };
}
