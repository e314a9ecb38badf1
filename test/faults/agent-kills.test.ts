import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSeededEntropy, uniformInteger } from '@starling/federation';
import { expect, test } from 'vitest';
import {
  checkRunLog,
  coordinatorFolder,
  freePort,
  readRunLog,
  startCoordinatorProcess,
  startFleet,
  startSlowLink,
  startSmallAgent,
  until,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';
import { spooledSizes } from './spool.js';

test('agents are killed at random, and every round commits with those that remain', async () => {
  const seed = Number(process.env.STARLING_FAULTS_SEED ?? 1);
  const entropy = createSeededEntropy(`agents ${seed}`);
  const scope = testScope();
  const agents = 3;
  const fleet = await startFleet(scope, {
    agents,
    rounds: 8,
    overrides: {
      cohort: { size: agents, minimum: 1 },
      // A round that is given up because of a killed agent ends the run.
      attempts: 1,
      deadlines: {
        recruitMs: 60_000,
        recruitGraceMs: 200,
        collectMs: 2_000,
        collectProgressMs: 500,
        collectMaxMs: 2_000,
      },
    },
  });
  const runId = await fleet.operator.start(fleet.task, 6);
  const running = [...fleet.agents];
  let killed = 0;
  let over = false;
  const events = (async () => {
    for await (const { kind } of fleet.operator.events(runId)) {
      // One agent dies as soon as it has work, and another takes its place a round later.
      if (kind?.kind !== 'cohortSelected' || kind.value.cohortSize < 2) continue;
      const index = uniformInteger(entropy, agents);
      await running[index].end('SIGKILL');
      killed += 1;
      if (over) break;
      const { folder, coordinator, task } = fleet;
      running[index] = await startSmallAgent(scope, folder, coordinator.address, index, task.name);
    }
  })();
  const run = await fleet.operator.ended(runId, 90_000);
  over = true;
  await events;

  expect(run, `seed ${seed}`).toMatchObject({ state: 'completed', roundsCommitted: 8 });
  expect(killed, `seed ${seed}`).toBeGreaterThan(2);
  await fleet.coordinator.end('SIGTERM');
  const log = await readRunLog(coordinatorFolder(fleet.folder), runId);
  expect(checkRunLog(log)).toHaveLength(8);
  const committed = log.filter(({ kind }) => kind === 'round-committed');
  expect(committed.map(({ key }) => key?.attempt)).toEqual(new Array(8).fill(1));
}, 120_000);

test('an agent killed while it uploads sends the rest when it starts again, and does not train again', async () => {
  const scope = testScope();
  const port = await freePort();
  const link = await startSlowLink(scope, port);
  // 8 parameters a unit: an update of 1 MiB.
  const options = { agents: 1, hidden: 32_768, rounds: 1, port, addressOf: () => link.address };
  const fleet = await startFleet(scope, options);
  link.slowDown(25);
  const runId = await fleet.operator.start(fleet.task, 4);
  const kept = join(fleet.folder, 'state-0', 'update', 'header.json');
  const folder = coordinatorFolder(fleet.folder);
  await until('a part of the update', async () => {
    const sizes = await spooledSizes(folder);
    return sizes.some((bytes) => bytes > 0) ? true : undefined;
  });
  const header = await readFile(kept, 'utf8');
  await fleet.agents[0].end('SIGKILL');
  // The coordinator forgets whatever it had in memory too.
  await fleet.coordinator.end('SIGKILL');
  expect((await readRunLog(folder, runId)).map(({ kind }) => kind)).not.toContain('round-committed');
  await startCoordinatorProcess(scope, { folder, port });
  link.slowDown(0);

  const agent = await startSmallAgent(scope, fleet.folder, link.address, 0, fleet.task.name);
  expect(await fleet.operator.ended(runId)).toMatchObject({ state: 'completed', roundsCommitted: 1 });
  expect(agent.lines().filter((line) => line.includes('Works on'))).toEqual([]);
  expect(JSON.parse(header)).toMatchObject({ round: { runId, round: 1, attempt: 1 } });
}, 60_000);

test.each(['consistency', 'unmask'] as const)(
  'agents killed in the stage "%s" of a round under masks: it commits with those that are left, or says why not',
  async (stage) => {
    const scope = testScope();
    const agents = 8;
    const secureAggregation = {
      // So many devices tolerate one that drops out in each of the last stages.
      dropoutFraction: 0.25,
      corruptFraction: 0,
      encoding: { clipNorm: 4 },
      answersMs: 3_000,
      answersGraceMs: 300,
    };
    const overrides = { cohort: { size: agents, minimum: 4 }, secureAggregation, attempts: 20 };
    const fleet = await startFleet(scope, { agents, rounds: 3, epochs: 1, overrides });
    const runId = await fleet.operator.start(fleet.task, 6);
    let killed: number | undefined;
    let ended: { readonly round: number; readonly attempt: number } | undefined;
    for await (const { kind } of fleet.operator.events(runId)) {
      if (kind?.kind !== 'stageEntered' || kind.value.stage !== stage || killed !== undefined) continue;
      killed = 2;
      ended = kind.value.round;
      await fleet.agents[killed].end('SIGKILL');
      const { folder, coordinator, task } = fleet;
      await startSmallAgent(scope, folder, coordinator.address, killed, task.name);
    }
    expect(await fleet.operator.ended(runId, 60_000)).toMatchObject({
      state: 'completed',
      roundsCommitted: 3,
    });
    expect(killed).toBe(2);
    await fleet.coordinator.end('SIGTERM');
    const log = await readRunLog(coordinatorFolder(fleet.folder), runId);
    expect(checkRunLog(log)).toHaveLength(3);
    // The attempt in which it was killed went on without it: it is committed, not tried again.
    const committed = log.filter(({ kind }) => kind === 'round-committed').map(({ key }) => key);
    expect(committed).toContainEqual(
      expect.objectContaining({ round: ended?.round, attempt: ended?.attempt }),
    );
  },
  90_000,
);
