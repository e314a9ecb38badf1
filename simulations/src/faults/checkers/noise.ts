import { deviceSeed } from '@starling/coordinator/simulation';
import { clipToNorm } from '@starling/federation';
import { simulatedDelta } from '../../world/runtime.js';
import { exampleCountOf } from '../../world/world.js';
import { tasks } from '../fleet.js';
import { type MakeChecker, startOf } from './checker.js';
import { onCommittedRounds, parametersOf } from './committed-rounds.js';

/**
 * Where a squared distance in standard deviations is by chance in less than one round of 10^9: χ² of the model's 8
 * parameters.
 */
const squaresRange = [0.02, 60] as const;

/** The checkpoint of a private round is the one before, the clipped updates, and noise of the size that is paid for. */
export const noise: MakeChecker = (sight) => ({
  name: 'noise',
  ...onCommittedRounds(({ event: { key, checkpoint }, before, devices }) => {
    const { seed, taskName } = startOf(sight, key.runId);
    const name: string = taskName;
    // What a hostile device sent, nobody knows; it is scaled down to the bound, and no more.
    if (name !== 'private' || devices.some((device) => sight.hostile.has(device))) return;
    const [from, to] = [parametersOf(sight, before), parametersOf(sight, checkpoint.sha256)];
    if (from === undefined || to === undefined) {
      sight.report(`a checkpoint of round ${key.round} of ${key.runId} is not on the disk`);
      return;
    }
    const { clip, noise: added } = tasks.private.privacy;
    const sum = new Float64Array(from.length);
    for (const device of devices) {
      // Ids were parsed when they came over the wire.
      const drawn = deviceSeed(seed, key.round, device as Parameters<typeof deviceSeed>[2]);
      const delta = simulatedDelta(drawn, exampleCountOf(device), from);
      clipToNorm(delta, clip);
      for (const [i, value] of delta.entries()) sum[i] += value;
    }
    const stddev = added.multiplier * clip;
    const squares = sum.reduce(
      (total, value, i) => total + (((to[i] - from[i]) * devices.length - value) / stddev) ** 2,
      0,
    );
    const [least, most] = squaresRange;
    if (squares < least || squares > most) {
      sight.report(
        `the noise of round ${key.round} of ${key.runId} is not that of ${stddev} an element: its square is ${squares.toPrecision(3)} of ${sum.length}`,
      );
    }
  }),
});
