import { type Entropy, uint32 } from '@starling/federation';
import { refusal } from '../errors.js';
import { parseRunId, type RunId, type TaskName } from '../ids.js';

/** The task's name and 32 random bits: short enough to type, long enough not to meet again. */
export function newRunId(taskName: TaskName, entropy: Entropy): RunId {
  const suffix = uint32(entropy).toString(16).padStart(8, '0');
  const runId = parseRunId(`${taskName.slice(0, 50)}-${suffix}`);
  if (runId === undefined) throw new Error('a task name with a suffix is a run id');
  return runId;
}

export function unknownRun(runId: RunId) {
  return refusal('not-found', 'RUN_UNKNOWN', `There is no run ${runId}.`, 'List the runs to see their ids.');
}
