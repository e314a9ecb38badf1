import type { Assignment } from '../connection/assignment.js';

/**
 * The assignment whose plan and checkpoint must be there before the work: a question about examples needs neither, one
 * about a model's activations names the checkpoint itself.
 */
export function modelNeeded(assignment: Assignment): Assignment | undefined {
  if (assignment.work.kind !== 'analyze') return assignment;
  const { statistic } = assignment.work.query;
  if (statistic.kind !== 'activations') return undefined;
  return { ...assignment, checkpoint: { sha256: statistic.checkpoint, bytes: statistic.checkpointBytes } };
}
