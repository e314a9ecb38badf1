/** What kind of failure to report for an error, and in which words. */
import { ExamplesError, PlanError } from '@starling/engine';
import { AnalyticsError, VectorError } from '@starling/federation';
import type { FailureReason } from '../connection/assignment.js';
import type { WorkFailure } from '../connection/worker.js';
import { AgentError, type AgentErrorCode } from '../errors.js';

const agentReasons: Readonly<Record<AgentErrorCode, FailureReason>> = {
  'agent/configuration': 'examples',
  'agent/state-folder': 'training',
  'agent/state-in-use': 'training',
  'agent/not-enrolled': 'training',
  'agent/key-exposed': 'training',
  'agent/artifact-hash': 'plan',
  'agent/artifact-size': 'plan',
  'agent/plan-memory': 'plan',
  'agent/plan-runtime': 'plan',
  'agent/plan-mismatch': 'plan',
  'agent/examples-missing': 'examples',
  'agent/telemetry': 'training',
  'agent/disk-full': 'training',
  'agent/slot-damaged': 'training',
  'agent/trial-not-started': 'training',
  'agent/release-not-given-up': 'training',
  'agent/not-finite': 'training',
  'agent/training-ended': 'training',
  'agent/training-memory': 'training',
  'agent/refused': 'refused',
};

export function workFailure(error: unknown, during: 'fetch' | 'compute'): WorkFailure {
  if (error instanceof ExamplesError) {
    return { reason: 'examples', message: error.message };
  }
  if (error instanceof AnalyticsError) {
    return { reason: 'examples', message: error.message };
  }
  if (error instanceof PlanError) {
    return { reason: 'plan', message: error.message };
  }
  if (error instanceof AgentError) {
    return { reason: agentReasons[error.code], message: error.message };
  }
  if (error instanceof VectorError) {
    // It would quote a number of the checkpoint or of the delta.
    return {
      reason: during === 'fetch' ? 'plan' : 'training',
      message: `Numbers that cannot be used (${error.code}).`,
    };
  }
  const name = error instanceof Error ? error.name : 'unknown error';
  return during === 'fetch'
    ? { reason: 'plan', message: `The plan could not be kept on this device (${name}); its log says more.` }
    : { reason: 'training', message: `Training failed on this device (${name}); its log says more.` };
}
