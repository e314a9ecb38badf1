import type { Assignment } from '../connection/assignment.js';

/** A training round of one step, in the clear, for a test that does no work of its own. */
export function trainingAssignment(deadlineMs: number): Assignment {
  return {
    round: { runId: 'run', round: 1, attempt: 1 },
    taskName: 'task',
    planManifest: { sha256: 'aa', bytes: 1 },
    checkpoint: { sha256: 'bb', bytes: 4 },
    contract: { features: [], target: { kind: 'class', name: 'target', classes: 2 } },
    work: {
      kind: 'train',
      epochs: 1,
      learningRate: 0.1,
      seed: 1,
      encoding: { kind: 'float32' },
      examplesMax: 0,
      privacy: null,
    },
    holdoutPermille: 0,
    deadlineMs,
  };
}
