/** Tasks, runs and their events as messages. */
import { formatQuery } from '@starling/federation';
import type * as wire from '@starling/proto';
import type { RoundKey } from '../ids.js';
import type { RoundPrivacy } from '../privacy/index.js';
import type { Metric, Recorded, RunEvent } from '../runs/index.js';
import type { RunSummary, StoredTask } from '../storage/index.js';
import { artifactReference, planSignature, roundKey } from './to-wire.js';

export function taskMessage(task: StoredTask): wire.Task {
  return {
    name: task.name,
    version: task.version,
    definitionJson: task.definitionJson,
    updatedAtMs: task.updatedAtMs,
    planManifest: artifactReference(task.planManifest),
    parameterCount: task.parameterCount,
    signature: planSignature(task),
  };
}

export function runMessage(run: RunSummary): wire.Run {
  return {
    runId: run.runId,
    taskName: run.taskName,
    taskVersion: run.taskVersion,
    state: run.state,
    reason: run.reason,
    roundsCommitted: run.roundsCommitted,
    roundsTarget: run.roundsTarget,
    startedAtMs: run.startedAtMs,
    endedAtMs: run.endedAtMs,
    checkpoint: artifactReference(run.checkpoint),
    metrics: run.metrics.map(metricMessage),
    bytesUploaded: run.bytesUploaded,
    bytesDownloaded: run.bytesDownloaded,
    privacy: privacySpent(run.privacy),
    analyticsQueryJson: run.analytics === null ? '' : formatQuery(run.analytics.query),
    analyticsResultJson: run.analytics?.result ? JSON.stringify(run.analytics.result) : '',
  };
}

function privacySpent(privacy: RoundPrivacy | null): wire.PrivacySpent | undefined {
  if (privacy === null) return undefined;
  const { kind, epsilon, budget, clipBound, noiseStddev } = privacy;
  return { kind, epsilon, epsilonBudget: budget.epsilon, delta: budget.delta, clipBound, noiseStddev };
}

function metricMessage({ name, value, source, weight }: Metric): wire.Metric {
  return { name, value, source, weight };
}

const stageAfter = {
  'advertise-keys': 'shareKeys',
  'share-keys': 'collect',
  consistency: 'unmask',
  unmask: 'aggregate',
} as const;

/** Folds what a watcher sees of the round in progress: events count contributions, messages tell the total so far. */
export function createEventMessages(): (recorded: Recorded) => wire.RunEvent | undefined {
  let counted = 0;
  let updatesWanted = 0;
  let answered = 0;

  const stageEntered = (key: RoundKey, stage: wire.RoundStage, devices: number): wire.RunEvent['kind'] => {
    answered = 0;
    return { kind: 'stageEntered', value: { round: roundKey(key), stage, devices } };
  };
  let privacy: RoundPrivacy | null = null;

  const kindOf = (event: RunEvent): wire.RunEvent['kind'] => {
    switch (event.kind) {
      case 'round-started':
        counted = 0;
        answered = 0;
        privacy = event.privacy;
        return {
          kind: 'roundStarted',
          value: {
            round: roundKey(event.key),
            purpose: event.purpose,
            privacy: privacySpent(privacy),
          },
        };
      case 'cohort-selected':
        updatesWanted = event.updatesWanted;
        return {
          kind: 'cohortSelected',
          value: { round: roundKey(event.key), cohortSize: event.devices.length, updatesWanted },
        };
      case 'contributions-counted':
        counted += event.contributions.length;
        return { kind: 'updateCounted', value: { round: roundKey(event.key), counted, updatesWanted } };
      case 'device-failed': {
        const { deviceId, reason, message } = event;
        return { kind: 'deviceFailed', value: { round: roundKey(event.key), deviceId, reason, message } };
      }
      case 'round-committed': {
        const { updates, durationMs, bytesUploaded } = event;
        const checkpoint = artifactReference(event.checkpoint);
        const round = roundKey(event.key);
        const value = { round, checkpoint, updates, durationMs, bytesUploaded };
        const withinBoundShare = event.clipping?.withinShare;
        const encoding = event.secure?.encoding ?? undefined;
        return {
          kind: 'roundCommitted',
          value: { ...value, privacy: privacySpent(privacy), withinBoundShare, encoding },
        };
      }
      case 'round-abandoned':
        return { kind: 'roundAbandoned', value: { round: roundKey(event.key), reason: event.reason } };
      case 'metrics-measured':
        return {
          kind: 'metricsMeasured',
          value: { round: event.round, metrics: event.metrics.map(metricMessage) },
        };
      case 'run-ended':
        return { kind: 'runEnded', value: { state: event.state, reason: event.reason } };
      case 'run-resumed':
        return { kind: 'runResumed', value: {} };
      case 'stage-answered':
        answered += event.devices.length;
        return undefined;
      case 'stage-closed':
        return stageEntered(event.key, stageAfter[event.stage], answered);
      case 'collection-closed':
        return event.masked ? stageEntered(event.key, 'consistency', counted) : undefined;
      case 'run-started':
      case 'evaluation-skipped':
        return undefined;
    }
  };

  return ({ sequence, event }) => {
    const kind = kindOf(event);
    return kind && { sequence, atMs: event.atMs, kind };
  };
}
