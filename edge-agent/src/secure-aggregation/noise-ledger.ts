/**
 * What this device's own noise was spent on: of each task, the rounds it took part in, in `noise-spent.json` in its state
 * directory. The coordinator's ledger holds one that is honest to what was promised; this one holds every other.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { epsilonSpent, noiseMechanism, type PrivateRounds, withMoreRounds } from '@starling/federation';
import type { Assignment } from '../connection/assignment.js';
import { AgentError } from '../errors.js';
import { isMissing, writeFileDurable } from '../state/atomic-file.js';

export interface NoiseLedger {
  /**
   * Pays for one more round; durable when it settles. Free of cost where devices add no noise.
   * Throws `AgentError` `agent/refused` where all rounds that this device joined would cost more than is promised.
   */
  spend(assignment: Assignment): Promise<void>;
}

/** Most tasks that are kept account of, and kinds of noise in one: a coordinator must not fill the disk. */
const tasksMax = 1000;
const kindsMax = 256;

/** Both ends add up alike, but may differ in the last digits. */
const epsilonTolerance = 1e-9;

/** Throws `AgentError` `agent/state-folder` where the file is there and cannot be read: what it says must not be forgotten. */
export async function openNoiseLedger(stateFolder: string): Promise<NoiseLedger> {
  const path = join(stateFolder, 'noise-spent.json');
  const tasks = await readTasks(path);

  return {
    async spend({ taskName, secure }) {
      if (secure?.settings.privacy.kind !== 'distributed') return;
      const { noise, epsilon, delta } = secure.settings.privacy;
      const before = tasks.get(taskName);
      const mechanism = noiseMechanism(noise, secure.settings);
      const rounds = withMoreRounds(before ?? [], mechanism, 1);
      const cost = epsilonSpent('rdp', rounds, delta);
      // Negated, so that NaN is refused too.
      if (!(cost <= epsilon * (1 + epsilonTolerance))) {
        throw budgetSpent(
          `with one more round, those of the task ${taskName} that this device took part in cost ε = ${cost.toPrecision(5)} at δ = ${delta}, and at most ${epsilon} is promised`,
        );
      }
      if (rounds.length > kindsMax || (before === undefined && tasks.size >= tasksMax)) {
        throw budgetSpent(
          `this device keeps account of ${tasksMax} tasks with ${kindsMax} kinds of noise each, and of no more`,
        );
      }
      // On disk first: a payment that did not get there is none.
      const next = new Map(tasks).set(taskName, rounds);
      await writeFileDurable(path, `${JSON.stringify({ version: 1, tasks: Object.fromEntries(next) })}\n`);
      tasks.set(taskName, rounds);
    },
  };
}

function budgetSpent(why: string): AgentError {
  return new AgentError('agent/refused', `budget-spent: ${why}.`);
}

async function readTasks(path: string): Promise<Map<string, readonly PrivateRounds[]>> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (isMissing(error)) return new Map();
    throw error;
  }
  try {
    // Only `spend` writes this file, by renaming it into place whole.
    const { version, tasks } = JSON.parse(text) as {
      version: number;
      tasks: Record<string, PrivateRounds[]>;
    };
    if (version === 1) return new Map(Object.entries(tasks));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AgentError(
    'agent/state-folder',
    `${path} cannot be read, and says what this device's noise was spent on; restore it from a backup, or remove it if no task is to count on it.`,
  );
}
