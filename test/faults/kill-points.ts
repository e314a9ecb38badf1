/** Where a kill hit: read from what the killed coordinator left on its disk. */
import type { StoredEvent } from '../support/index.js';
import { spooledSizes } from './spool.js';

export const killPoints = [
  /** The cohort was gathering. */
  'recruit',
  /** Devices were at work; no byte of an update had come. */
  'training',
  /** A part of an update had come. */
  'half-uploaded',
  /** A whole update lay on disk, not counted and so not acknowledged. */
  'uploaded-not-counted',
  /** Some updates were counted, others awaited. */
  'partly-counted',
  /** Enough had come; no checkpoint was committed. */
  'aggregate',
  /** A checkpoint was committed, and nobody had been selected since. */
  'committed',
  /** Devices measured a checkpoint. */
  'evaluation',
] as const;

export type KillPoint = (typeof killPoints)[number];

/** The points at which the coordinator of `folder`, whose run has these events, was killed: several may hold at once. */
export async function pointsOf(
  folder: string,
  events: readonly StoredEvent[],
  updateBytes: number,
): Promise<KillPoint[]> {
  const started = events.findLast((event) => event.kind === 'round-started');
  const last = events.findLast((event) => event.key !== undefined);
  const beforeLast = events.filter((event) => event.key !== undefined).at(-2);
  if (started === undefined || last === undefined) return ['recruit'];
  const points: KillPoint[] = [];
  const isCommit = (event: StoredEvent | undefined): boolean => event?.kind === 'round-committed';
  if (isCommit(last) || (last.kind === 'round-started' && isCommit(beforeLast))) points.push('committed');
  if (last.kind === 'round-started') points.push('recruit');
  if (last.kind === 'collection-closed') points.push('aggregate');
  const collects = last.kind === 'cohort-selected' || last.kind === 'contributions-counted';
  if (collects && started.purpose === 'evaluate') points.push('evaluation');
  if (!collects || started.purpose === 'evaluate') return points;
  // What was counted is no longer in the spool; nor is anything of an attempt that is over.
  const held = await spooledSizes(folder);
  if (last.kind === 'contributions-counted') points.push('partly-counted');
  if (held.some((bytes) => bytes > 0 && bytes < updateBytes)) points.push('half-uploaded');
  if (held.some((bytes) => bytes === updateBytes)) points.push('uploaded-not-counted');
  if (held.length === 0 && last.kind === 'cohort-selected') points.push('training');
  return points;
}
