/** What a device is asked to do in a round under masks, for a test. */
import type { SecureRoundSettings } from '@starling/federation';
import type { Assignment } from '../connection/assignment.js';

/** Of the task `sides`, in the first attempt of the first round of `run-1`, where `changes` do not say otherwise. */
export function secureAssignment(
  settings: SecureRoundSettings,
  changes: Partial<Assignment> = {},
): Assignment {
  return {
    round: { runId: 'run-1', round: 1, attempt: 1 },
    taskName: 'sides',
    planManifest: { sha256: 'aa'.repeat(32), bytes: 1 },
    checkpoint: { sha256: 'ff'.repeat(32), bytes: 1 },
    contract: { features: [], target: { kind: 'class', name: 'side', classes: 2 } },
    work: { kind: 'evaluate' },
    holdoutPermille: 0,
    deadlineMs: 1_000,
    secure: { settings, rotationSeed: new Uint8Array(32), requestHash: new Uint8Array(32) },
    ...changes,
  };
}
