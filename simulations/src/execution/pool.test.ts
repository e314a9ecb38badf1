import { expect, test } from 'vitest';
import { readScenario } from '../scenario/index.js';
import { prepare } from '../simulation/prepare.js';
import { simulateRounds } from '../simulation/simulation.js';
import { smallScenario } from '../testing/small-scenario.js';
import { startThreads } from './pool.js';

const prepared = () => prepare(readScenario(smallScenario({ stop: { rounds: 1 } }), '/'));

test('threads that were started beforehand come to what new ones come to', async () => {
  const checkpoints: Float32Array[] = [];
  for (const threads of [startThreads(2), undefined]) {
    for await (const { state } of simulateRounds(await prepared(), { workers: 2, threads })) {
      checkpoints.push(state.checkpoints[0].parameters.slice());
    }
  }
  expect(checkpoints[0]).toEqual(checkpoints[1]);
});

test('of threads that ended before they had anything to do, nothing is waited for', async () => {
  const threads = startThreads(2);
  await threads.close();
  const rounds = simulateRounds(await prepared(), { workers: 2, threads });
  await expect(rounds.next()).rejects.toMatchObject({
    code: 'simulation/worker',
    message: expect.stringContaining('A worker ended with code'),
  });
});
