/**
 * Kills the coordinator in the middle of private rounds under masks, again and again: every round that ever started was paid for
 * before, nothing that was paid is forgotten, and the run ends before the budget is exceeded.
 */
import { createSeededEntropy, type LedgerEvent, replayLedger, uniform } from '@starling/federation';
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

const kills = 6;
const budget = { epsilon: 8, delta: 1e-5 };
/** By RDP, so many rounds of this noise spend less than ε = 8, and one more spends more. */
const [noise, affordable] = [2.1, 10];

test('the ledger never forgets, and the run stops before the budget is exceeded', {
  timeout: 120_000,
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
  const entropy = createSeededEntropy('kills of the ledger');

  let coordinator = fleet.coordinator;
  let seen: readonly LedgerEvent[] = [];
  let events = 0;
  for (let kill = 0; kill < kills; kill += 1) {
    // A few events after those that the last kill left.
    const aim = events + 1 + Math.floor(7 * uniform(entropy));
    for await (const event of fleet.operator.events(runId)) {
      if (event.kind?.kind === 'runEnded') throw new Error(`the run ended before kill ${kill + 1}`);
      if (event.sequence >= aim) break;
    }
    await coordinator.end('SIGKILL');
    const log = await readRunLog(folder, runId);
    events = log.length;
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
