/**
 * Kills the coordinator in every stage of private rounds under masks: every round that ever started was paid for before,
 * nothing that was paid is forgotten, and the run ends before the budget is exceeded.
 */
import { type LedgerEvent, replayLedger } from '@starling/federation';
import { expect, test } from 'vitest';
import {
  checkRunLog,
  coordinatorFolder,
  freePort,
  readLedger,
  readRunLog,
  startCoordinatorProcess,
  startFleet,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';
import { nextAim, reached, type SecureStage, stageOf } from './secure-stages.js';

const kills = { each: 3, kills: 20 };
const budget = { epsilon: 8, delta: 1e-5 };
/** By RDP, so many rounds of this noise spend less than ε = 8, and one more spends more. */
const [noise, affordable] = [3.5, 30];

test('the ledger never forgets, and the run stops before the budget is exceeded', {
  timeout: 300_000,
}, async () => {
  const scope = testScope();
  const port = await freePort();
  const fleet = await startFleet(scope, {
    agents: 4,
    port,
    hidden: 8192,
    rounds: 100,
    overrides: {
      privacy: { kind: 'central', ...budget, clip: 1, noise, accountant: 'rdp' },
      secureAggregation: { encoding: { clipNorm: 1 }, keysMs: 4_000, answersMs: 4_000, answersGraceMs: 500 },
      deadlines: { recruitGraceMs: 0 },
      attempts: 50,
    },
  });
  const folder = coordinatorFolder(fleet.folder);
  const runId = await fleet.operator.start(fleet.task, 1);
  let coordinator = fleet.coordinator;
  let seen: readonly LedgerEvent[] = [];
  let afterSequence = 0;
  const hits: (SecureStage | undefined)[] = [];
  for (let stage = nextAim(hits, kills); stage !== undefined; stage = nextAim(hits, kills)) {
    expect(hits.length, 'some stage is never hit').toBeLessThan(2 * kills.kills);
    await reached({ operator: fleet.operator, runId, stage, afterSequence });
    await coordinator.end('SIGKILL');
    const log = await readRunLog(folder, runId);
    afterSequence = log.length;
    hits.push(stageOf(log));
    const ledger = await readLedger(folder, fleet.task.name);
    expect(ledger.slice(0, seen.length)).toEqual(seen);
    seen = ledger;
    checkRunLog(log);
    const { attempts, epsilon } = replayLedger(ledger);
    for (const { kind, key } of log) {
      if (kind !== 'round-started') continue;
      expect(attempts.has(`${key?.runId}/${key?.round}/${key?.attempt}`)).toBe(true);
    }
    expect(epsilon).toBeLessThanOrEqual(budget.epsilon);
    coordinator = await startCoordinatorProcess(scope, { folder, port });
  }

  const run = await fleet.operator.ended(runId);
  expect(run).toMatchObject({ state: 'completed', reason: expect.stringContaining('budget is used up') });
  await coordinator.end('SIGTERM');
  const ledger = await readLedger(folder, fleet.task.name);
  expect(ledger.slice(0, seen.length)).toEqual(seen);
  const { epsilon, attempts } = replayLedger(ledger);
  expect(run.privacy?.epsilon).toBe(epsilon);
  expect(attempts.size).toBe(affordable);
  // Every attempt was paid for, also those that a kill abandoned: the rounds that were committed are at most as many.
  expect(run.roundsCommitted).toBeLessThanOrEqual(affordable);
  expect(run.roundsCommitted).toBeGreaterThan(0);
});
