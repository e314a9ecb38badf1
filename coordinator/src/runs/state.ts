/** A run's state: the fold of its events. */
import type { AdaptiveClipping, AnalyticsResult } from '@starling/federation';
import { assert } from '../errors.js';
import type { ArtifactRef } from '../ids.js';
import type { RoundPrivacy } from '../privacy/index.js';
import { evolveRound, isLive, type RoundEvent, type RoundState } from '../rounds/index.js';
import type { MetricsMeasured, RunEnded, RunEvent, RunStarted } from './events.js';
import type { Metric, MetricSource } from './settings.js';
import { isImprovement, shownValue, targetReached } from './stop-criteria.js';

/** A checkpoint whose measurement is still to come. */
export interface EvaluationDue {
  readonly round: number;
  readonly source: 'federated' | 'central';
  readonly checkpoint: ArtifactRef;
}

export interface RunProgress {
  readonly started: RunStarted;
  /** As in the settings, unless the run was resumed with another number. */
  readonly roundsTarget: number;
  readonly roundsCommitted: number;
  readonly checkpoint: ArtifactRef;
  readonly strategyState: ArtifactRef | null;
  /** The newest value of each metric from each source. */
  readonly metrics: readonly Metric[];
  readonly bytesUploaded: number;
  readonly bytesDownloaded: number;
  readonly evaluationsDue: readonly EvaluationDue[];
  /** The newest attempt, live or over; `null` before the first. */
  readonly round: RoundState | null;
  /** Attempts abandoned since the last commit, start or resumption. */
  readonly abandonedInARow: number;
  /** The reason of the last of them. */
  readonly lastAbandonment: string;
  /** Set once the target metric was reached or patience ran out: the sentence that ends the run. */
  readonly stopReason: string | null;
  /** What the newest private round promised; `null` before the first and where rounds promise nothing. */
  readonly privacy: RoundPrivacy | null;
  /** The clipping bound of the coming round, where it adapts. */
  readonly clipping: AdaptiveClipping | null;
  /** The answer of a run that asked a question; `null` until it is there. */
  readonly analytics: AnalyticsResult | null;
  /** Whether an attempt at the run's question was abandoned when devices had told their answers or might have. */
  readonly isAnswerLost: boolean;
  /** The best value that the patience criterion has seen, and the measurements since. */
  readonly best: { readonly value: number; readonly measurementsSince: number } | null;
}

export interface RunningRun extends RunProgress {
  readonly kind: 'running';
}

export interface EndedRun extends RunProgress {
  readonly kind: 'stopped' | 'completed' | 'failed';
  readonly ended: RunEnded;
}

export type RunState = RunningRun | EndedRun;

/** Folds an event into the state. Throws where the event cannot follow: then the store is damaged or the code wrong. */
export function evolveRun(state: RunState | null, event: RunEvent): RunState {
  if (event.kind === 'run-started') {
    assert(state === null, 'a run starts once');
    return startedRun(event);
  }
  assert(state !== null, 'a run starts before anything else happens in it');
  switch (event.kind) {
    case 'metrics-measured':
      return measured(state, event);
    case 'evaluation-skipped':
      return { ...state, evaluationsDue: withoutDue(state, event.round, event.source) };
    case 'run-ended':
      assert(state.kind === 'running', 'only a running run ends');
      return { ...state, kind: event.state, ended: event };
    case 'run-resumed': {
      assert(state.kind !== 'running', 'only an ended run is resumed');
      const { ended: _, ...progress } = state;
      return {
        ...progress,
        kind: 'running',
        roundsTarget: event.rounds,
        abandonedInARow: 0,
        stopReason: null,
        best: null,
      };
    }
    default:
      assert(state.kind === 'running', 'rounds happen in running runs');
      return withRoundEvent(state, event);
  }
}

function startedRun(event: RunStarted): RunningRun {
  return {
    kind: 'running',
    started: event,
    roundsTarget: event.settings.rounds,
    roundsCommitted: 0,
    checkpoint: event.checkpoint,
    strategyState: null,
    metrics: [],
    bytesUploaded: 0,
    bytesDownloaded: 0,
    evaluationsDue: [],
    round: null,
    abandonedInARow: 0,
    lastAbandonment: '',
    stopReason: null,
    privacy: null,
    clipping:
      event.settings.privacy?.clipping.kind === 'adaptive' ? event.settings.privacy.clipping.start : null,
    analytics: null,
    isAnswerLost: false,
    best: null,
  };
}

function withRoundEvent(state: RunningRun, event: RoundEvent): RunningRun {
  const round = evolveRound(state.round, event);
  const evaluates = round.started.purpose === 'evaluate';
  if (event.kind === 'round-abandoned') {
    return evaluates
      ? { ...state, round, evaluationsDue: withoutDue(state, event.key.round, 'federated') }
      : {
          ...state,
          round,
          abandonedInARow: state.abandonedInARow + 1,
          lastAbandonment: event.reason,
          isAnswerLost: state.isAnswerLost || losesAnswers(state),
        };
  }
  if (event.kind === 'round-started') return { ...state, round, privacy: event.privacy ?? state.privacy };
  if (event.kind !== 'round-committed') return { ...state, round };
  const downloaded = {
    round,
    bytesUploaded: state.bytesUploaded + event.bytesUploaded,
    bytesDownloaded: state.bytesDownloaded + event.bytesDownloaded,
  };
  if (evaluates) {
    return {
      ...state,
      ...downloaded,
      evaluationsDue: withoutDue(state, event.key.round, 'federated'),
    };
  }
  assert(event.key.round === state.roundsCommitted + 1, 'rounds are committed in order, each once');
  return {
    ...state,
    ...downloaded,
    roundsCommitted: event.key.round,
    checkpoint: event.checkpoint,
    strategyState: event.strategyState,
    clipping: event.clipping?.next ?? state.clipping,
    analytics: event.analytics ?? state.analytics,
    abandonedInARow: 0,
    evaluationsDue: [...state.evaluationsDue, ...evaluationsAfter(state, event.key.round, event.checkpoint)],
  };
}

/** Under masks a device counts its answer as told from the moment in which it reveals shares, and tells it once. */
function losesAnswers({ round, started }: RunningRun): boolean {
  if (started.settings.analytics === null || started.settings.train.secure === null) return false;
  return round?.stage === 'unmask' || round?.stage === 'aggregate';
}

function evaluationsAfter(state: RunningRun, round: number, checkpoint: ArtifactRef): EvaluationDue[] {
  const { federatedEvaluation, centralEvaluation } = state.started.settings;
  const due = (every: { readonly everyRounds: number } | null): boolean =>
    every !== null && (round % every.everyRounds === 0 || round === state.roundsTarget);
  const evaluations: EvaluationDue[] = [];
  if (due(centralEvaluation)) evaluations.push({ round, source: 'central', checkpoint });
  if (due(federatedEvaluation)) evaluations.push({ round, source: 'federated', checkpoint });
  return evaluations;
}

function withoutDue(state: RunState, round: number, source: MetricSource): EvaluationDue[] {
  return state.evaluationsDue.filter((due) => due.round !== round || due.source !== source);
}

function measured(state: RunState, event: MetricsMeasured): RunState {
  const sources = new Set(event.metrics.map((metric) => metric.source));
  const replaced = new Set(event.metrics.map((metric) => `${metric.source} ${metric.name}`));
  const { target, patience } = state.started.settings.stop;
  let { best, stopReason } = state;
  if (target !== undefined && stopReason === null) {
    stopReason = targetReached(target, event) ?? null;
  }
  const value = patience === undefined ? undefined : find(event, patience);
  if (patience !== undefined && value !== undefined) {
    best = isImprovement(patience, best?.value, value)
      ? { value, measurementsSince: 0 }
      : { value: best?.value ?? value, measurementsSince: (best?.measurementsSince ?? 0) + 1 };
    if (best.measurementsSince >= patience.measurements && stopReason === null) {
      stopReason =
        `${patience.source} ${patience.metric} has not improved on ${shownValue(best.value)} ` +
        `for ${best.measurementsSince} measurements.`;
    }
  }
  return {
    ...state,
    metrics: [
      ...state.metrics.filter((metric) => !replaced.has(`${metric.source} ${metric.name}`)),
      ...event.metrics,
    ],
    evaluationsDue: state.evaluationsDue.filter(
      (due) => due.round !== event.round || !sources.has(due.source),
    ),
    best,
    stopReason,
  };
}

function find(
  event: MetricsMeasured,
  wanted: { readonly metric: string; readonly source: MetricSource },
): number | undefined {
  return event.metrics.find((metric) => metric.name === wanted.metric && metric.source === wanted.source)
    ?.value;
}

/** The live attempt, where there is one. */
export function liveRound(state: RunState) {
  return state.round !== null && isLive(state.round) ? state.round : undefined;
}
