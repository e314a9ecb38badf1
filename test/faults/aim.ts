/** Tells when a coordinator is at a point where it is to be killed: from its live events, or from its spool. */
import type { RunEvent } from '@starling/proto';
import { isAway, type Operator } from '../support/index.js';
import type { KillPoint } from './kill-points.js';
import { spooledSizes } from './spool.js';

export interface AimOptions {
  readonly point: KillPoint;
  readonly operator: Operator;
  readonly runId: string;
  /** Only what happens after this event counts. */
  readonly afterSequence: number;
  /** The coordinator's folder. */
  readonly folder: string;
  readonly updateBytes: number;
  readonly signal: AbortSignal;
}

export type Moment = 'now' | 'run-over';

/** Resolves at the moment to kill, or once the run is over. */
export async function moment(options: AimOptions): Promise<Moment> {
  const over = new AbortController();
  const signal = AbortSignal.any([options.signal, over.signal]);
  try {
    return await Promise.race([
      watchEvents(options, signal),
      ...(options.point === 'half-uploaded' || options.point === 'uploaded-not-counted'
        ? [watchSpool(options, signal)]
        : []),
    ]);
  } finally {
    over.abort();
  }
}

async function watchEvents({ point, operator, runId, afterSequence }: AimOptions, signal: AbortSignal) {
  try {
    for await (const { event } of operator.operations.watchRun({ runId, afterSequence }, { signal })) {
      if (event?.kind?.kind === 'runEnded') return 'run-over';
      if (event !== undefined && isAt(point, event)) return 'now';
    }
  } catch (error) {
    if (!signal.aborted && !isAway(error)) throw error;
  }
  // The stream ended without an event: somebody else decides.
  return new Promise<Moment>(() => {});
}

/** Whether the event begins what is aimed at. */
function isAt(point: KillPoint, { kind }: RunEvent): boolean {
  switch (kind?.kind) {
    case 'roundStarted':
      return kind.value.purpose === (point === 'evaluation' ? 'evaluate' : 'train')
        ? point === 'recruit' || point === 'evaluation'
        : false;
    case 'cohortSelected':
      return point === 'training';
    case 'updateCounted':
      return point === (kind.value.counted < kind.value.updatesWanted ? 'partly-counted' : 'aggregate');
    case 'roundCommitted':
      return point === 'committed';
    default:
      return false;
  }
}

async function watchSpool(options: AimOptions, signal: AbortSignal): Promise<Moment> {
  const { folder, point, updateBytes } = options;
  while (!signal.aborted) {
    const sizes = await spooledSizes(folder);
    const hit = sizes.some((bytes) =>
      point === 'half-uploaded' ? bytes > 0 && bytes < updateBytes : bytes === updateBytes,
    );
    if (hit) return 'now';
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return new Promise<Moment>(() => {});
}
