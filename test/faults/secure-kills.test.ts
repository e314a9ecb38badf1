import { expect, test } from 'vitest';
import {
  checkRunLog,
  coordinatorFolder,
  freePort,
  readRunLog,
  startCoordinatorProcess,
  startFleet,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';
import { nextAim, reached, type SecureStage, stageEntered, stageOf } from './secure-stages.js';

// Four devices tolerate no dropout, so that each committed sum is of all four: the same numbers whatever was killed.
const agents = 4;
const kills = { each: 2, kills: 20 };
const seed = 7;
const options = {
  agents,
  rounds: 12,
  epochs: 1,
  overrides: {
    secureAggregation: { encoding: { clipNorm: 4 }, keysMs: 4_000, answersMs: 4_000, answersGraceMs: 500 },
    deadlines: { recruitGraceMs: 0 },
    attempts: 50,
  },
};

test('a coordinator killed in every stage of secure rounds resumes them, and every sum is exact', async () => {
  const scope = testScope();
  const quiet = await startFleet(scope, options);
  const undisturbed = await quiet.operator.start(quiet.task, seed);
  expect(await quiet.operator.ended(undisturbed, 60_000)).toMatchObject({ state: 'completed' });
  await quiet.coordinator.end('SIGTERM');
  const expected = checkRunLog(await readRunLog(coordinatorFolder(quiet.folder), undisturbed));

  const port = await freePort();
  const fleet = await startFleet(scope, { ...options, port });
  const folder = coordinatorFolder(fleet.folder);
  const runId = await fleet.operator.start(fleet.task, seed);
  let { coordinator } = fleet;
  let sequence = 0;
  const hits: (SecureStage | undefined)[] = [];
  for (let stage = nextAim(hits, kills); stage !== undefined; stage = nextAim(hits, kills)) {
    expect(hits.length, 'some stage is never hit').toBeLessThan(2 * kills.kills);
    await reached({ operator: fleet.operator, runId, stage, afterSequence: sequence });
    await coordinator.end('SIGKILL');
    const log = await readRunLog(folder, runId);
    checkRunLog(log);
    hits.push(stageOf(log));
    sequence = log.length;
    coordinator = await startCoordinatorProcess(scope, { folder, port });
  }
  expect(await fleet.operator.ended(runId, 120_000)).toMatchObject({ state: 'completed' });
  await coordinator.end('SIGTERM');
  const log = await readRunLog(folder, runId);
  expect(checkRunLog(log)).toEqual(expected);
}, 240_000);

test('an agent that dies with its masks on is a dropout, and the others’ sum is committed', async () => {
  const scope = testScope();
  const fleet = await startFleet(scope, {
    ...options,
    agents: 5,
    rounds: 1,
    overrides: {
      ...options.overrides,
      cohort: { size: 5, minimum: 4 },
      deadlines: { recruitGraceMs: 1_000, collectMs: 4_000, collectProgressMs: 1_000, collectMaxMs: 6_000 },
    },
  });
  const runId = await fleet.operator.start(fleet.task, seed);
  for await (const event of fleet.operator.events(runId)) {
    if (stageEntered(event) === 'collect') await fleet.agents[2].end('SIGKILL');
    if (event.kind?.kind === 'roundCommitted') {
      expect(event.kind.value.updates).toBeGreaterThanOrEqual(4);
      expect(event.kind.value.encoding?.wrapRate).toBeLessThan(1e-3);
    }
  }
  expect(await fleet.operator.ended(runId, 60_000)).toMatchObject({ state: 'completed', roundsCommitted: 1 });
  await fleet.coordinator.end('SIGTERM');
  const log = await readRunLog(coordinatorFolder(fleet.folder), runId);
  // Nothing of a single device beside its masked update.
  const told = log.flatMap(({ contributions }) => contributions ?? []);
  expect(told).not.toEqual([]);
  for (const contribution of told) {
    expect(contribution).toMatchObject({ metrics: { weight: 0, sums: {} } });
  }
}, 120_000);
