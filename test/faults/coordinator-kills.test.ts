import { expect, test } from 'vitest';
import { killCoordinator, undisturbedCheckpoints } from './coordinator-kills.js';
import { killPoints } from './kill-points.js';

const kills = 20;

test('a coordinator killed at every stage loses no round, commits none twice and counts no update twice', async () => {
  const seed = Number(process.env.STARLING_FAULTS_SEED ?? 1);
  const notes: string[] = [`seed ${seed}`];
  try {
    // Side by side: the run that is killed mostly waits. After every kill it is checked that its log counts and commits
    // nothing twice.
    const [expected, report] = await Promise.all([
      undisturbedCheckpoints(kills),
      killCoordinator({
        seed,
        kills,
        note: (text) => notes.push(`${Math.round(performance.now())} ms: ${text}`),
      }),
    ]);
    expect(report.hits.length).toBeGreaterThanOrEqual(kills);
    expect(new Set(report.hits.flat())).toEqual(new Set(killPoints));
    expect(report.checkpoints).toHaveLength(report.rounds);
    // Each update exactly once in each round, or the sums would differ.
    expect(report.checkpoints).toEqual(expected);
  } catch (error) {
    console.error(notes.join('\n'));
    throw error;
  }
}, 240_000);
