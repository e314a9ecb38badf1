import type { EncodingReport, MetricSource, RunEvent, RunState } from '@starling/proto';

/** What a watcher knows of a run: the fold of its events. */
export interface RunProgress {
  readonly startedAtMs: number | undefined;
  /** Time of the newest event, in milliseconds since the Unix epoch. */
  readonly atMs: number;
  /** Number of the round that is being made, or was made last. */
  readonly round: number;
  readonly roundsCommitted: number;
  readonly purpose: 'train' | 'evaluate';
  /** Updates counted in the round so far, and those wanted. */
  readonly counted: number;
  readonly wanted: number;
  readonly bytesUploaded: number;
  readonly attemptsAbandoned: number;
  readonly devicesFailed: number;
  /** Of the newest committed round, where it was aggregated securely. */
  readonly encoding: EncodingReport | undefined;
  /** Newest value of each metric by source and name: `central accuracy`. */
  readonly metrics: ReadonlyMap<string, number>;
  /** Metric values in the order in which they were measured. */
  readonly measured: readonly Measured[];
  readonly ended: { readonly state: RunState; readonly reason: string } | undefined;
}

export interface Measured {
  readonly round: number;
  readonly name: string;
  readonly source: MetricSource;
  readonly value: number;
}

export const noProgress: RunProgress = {
  encoding: undefined,
  startedAtMs: undefined,
  atMs: 0,
  round: 0,
  roundsCommitted: 0,
  purpose: 'train',
  counted: 0,
  wanted: 0,
  bytesUploaded: 0,
  attemptsAbandoned: 0,
  devicesFailed: 0,
  metrics: new Map(),
  measured: [],
  ended: undefined,
};

export function advance(before: RunProgress, event: RunEvent): RunProgress {
  const progress = { ...before, atMs: event.atMs, startedAtMs: before.startedAtMs ?? event.atMs };
  switch (event.kind?.kind) {
    case 'roundStarted': {
      const { round, purpose } = event.kind.value;
      const known = purpose === 'evaluate' ? 'evaluate' : 'train';
      return { ...progress, round: round?.round ?? before.round, purpose: known, counted: 0, wanted: 0 };
    }
    case 'cohortSelected':
      return { ...progress, wanted: event.kind.value.updatesWanted };
    case 'updateCounted':
      return { ...progress, counted: event.kind.value.counted, wanted: event.kind.value.updatesWanted };
    case 'deviceFailed':
      return { ...progress, devicesFailed: before.devicesFailed + 1 };
    case 'roundCommitted': {
      const { round, bytesUploaded, encoding } = event.kind.value;
      const roundsCommitted = Math.max(before.roundsCommitted, round?.round ?? 0);
      return { ...progress, roundsCommitted, encoding, bytesUploaded: before.bytesUploaded + bytesUploaded };
    }
    case 'roundAbandoned':
      return { ...progress, attemptsAbandoned: before.attemptsAbandoned + 1 };
    case 'metricsMeasured': {
      const { round, metrics } = event.kind.value;
      const measured = metrics.map(({ name, source, value }) => ({ round, name, source, value }));
      const newest = measured.map(({ name, source, value }): [string, number] => [
        `${source} ${name}`,
        value,
      ]);
      return {
        ...progress,
        metrics: new Map([...before.metrics, ...newest]),
        measured: [...before.measured, ...measured],
      };
    }
    case 'runEnded':
      return { ...progress, ended: event.kind.value };
    case 'runResumed':
      return { ...progress, ended: undefined };
    case 'stageEntered':
      return progress;
    case undefined:
      // An event of a later revision.
      return progress;
  }
}

/** The metric's newest value, from where it says most about the model. */
export function newest(progress: RunProgress, name: string): number | undefined {
  return (['central', 'federated', 'training'] as const)
    .map((source) => progress.metrics.get(`${source} ${name}`))
    .find((value) => value !== undefined);
}

/** Milliseconds from the run's first event to its newest. */
export function elapsedMs({ startedAtMs, atMs }: RunProgress): number {
  return startedAtMs === undefined ? 0 : atMs - startedAtMs;
}
