import { PrivacyError } from '@starling/federation';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runId, taskName } from '../testing/values.js';
import { createLedgers, type LedgerEntry, type LedgerStore, ledgerOf } from './ledgers.js';
import type { PrivacySettings } from './settings.js';

const name = taskName('digits');

function settingsOf(changes: Partial<PrivacySettings> = {}): PrivacySettings {
  return {
    kind: 'central',
    budget: { epsilon: 8, delta: 1e-5 },
    accountant: 'rdp',
    mechanism: { kind: 'gaussian', noiseMultiplier: 2, sampling: 1 },
    clipping: { kind: 'fixed', bound: 1 },
    updateNoiseMultiplier: 2,
    ...changes,
  };
}

const key = (round: number, attempt = 1, run = 'run') => ({ runId: runId(run), round, attempt });

/** A store that keeps what was appended, and after `crashAfter` appends fails before or after it kept them. */
function memoryStore() {
  const kept = new Map<string, LedgerEntry[]>();
  let crash: 'never' | 'before' | 'after' = 'never';
  const store: LedgerStore = {
    async append(task, afterSequence, atMs, events) {
      if (crash === 'before') throw new Error('killed');
      const entries = kept.get(task) ?? [];
      if (entries.length !== afterSequence) throw new Error('somebody else wrote');
      kept.set(task, [
        ...entries,
        ...events.map((event, i) => ({ sequence: afterSequence + 1 + i, atMs, event })),
      ]);
      if (crash === 'after') throw new Error('killed');
    },
    read: async (task) => kept.get(task) ?? [],
  };
  return { store, crashNext: (when: typeof crash) => (crash = when), kept };
}

test('rounds pay until the budget is not enough for one more, and the refusal says so', async () => {
  const { store } = memoryStore();
  const ledgers = createLedgers(store, () => 7);
  let paid = 0;
  let last = 0;
  for (;;) {
    const payment = await ledgers.pay(name, settingsOf(), key(paid + 1));
    if (payment.kind === 'exhausted') {
      expect(payment.reason).toMatch(/budget is used up.*from [\d.]+ to [\d.]+.*above the budget of 8/);
      break;
    }
    expect(payment.epsilon).toBeGreaterThan(last);
    last = payment.epsilon;
    paid += 1;
  }
  expect(paid).toBeGreaterThan(5);
  const ledger = ledgerOf(await store.read(name));
  expect(ledger?.epsilon).toBe(last);
  expect(last).toBeLessThanOrEqual(8);
  expect(ledger?.attempts.size).toBe(paid);
});

test('one attempt pays once, another attempt at the same round pays again, and runs share the budget', async () => {
  const { store } = memoryStore();
  const ledgers = createLedgers(store, () => 0);
  const first = await ledgers.pay(name, settingsOf(), key(1));
  expect(await ledgers.pay(name, settingsOf(), key(1))).toEqual(first);
  const [again, other] = await Promise.all([
    ledgers.pay(name, settingsOf(), key(1, 2)),
    ledgers.pay(name, settingsOf(), key(1, 1, 'other-run')),
  ]);
  const spent = [first, again, other].map((payment) => (payment.kind === 'paid' ? payment.epsilon : 0));
  expect(spent[1]).toBeGreaterThan(spent[0]);
  expect(spent[2]).toBeGreaterThan(spent[1]);
  expect(ledgerOf(await store.read(name))?.attempts.size).toBe(3);
});

test('wherever it is killed, the ledger forgets nothing that was paid and overdraws nothing', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('never', 'before', 'after'), fc.boolean()), { maxLength: 40 }),
      async (steps) => {
        const { store, crashNext } = memoryStore();
        let ledgers = createLedgers(store, () => 0);
        let round = 1;
        const started: string[] = [];
        for (const [when, moveOn] of steps) {
          crashNext(when as 'never' | 'before' | 'after');
          const wanted = key(round);
          const payment = await ledgers.pay(name, settingsOf(), wanted).catch(() => undefined);
          crashNext('never');
          // After a crash a new process reads the same store.
          if (payment === undefined) ledgers = createLedgers(store, () => 0);
          if (payment?.kind === 'paid') started.push(`run/${round}/1`);
          if (payment?.kind === 'paid' && moveOn) round += 1;
          const ledger = ledgerOf(await store.read(name));
          for (const attempt of started) expect(ledger?.attempts.has(attempt)).toBe(true);
          expect(ledger?.epsilon ?? 0).toBeLessThanOrEqual(8);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('a task keeps the budget it spent from', async () => {
  const { store } = memoryStore();
  const ledgers = createLedgers(store, () => 0);
  await ledgers.check(name, null);
  await ledgers.pay(name, settingsOf(), key(1));
  await ledgers.check(name, settingsOf({ mechanism: { kind: 'gaussian', noiseMultiplier: 9, sampling: 1 } }));
  for (const settings of [
    null,
    settingsOf({ budget: { epsilon: 9, delta: 1e-5 } }),
    settingsOf({ budget: { epsilon: 8, delta: 1e-6 } }),
    settingsOf({ accountant: 'pld' }),
  ]) {
    await expect(ledgers.check(name, settings)).rejects.toMatchObject({ code: 'PRIVACY_BUDGET_CHANGED' });
  }
});

test('a ledger with a hole in it pays for nothing', async () => {
  const { store, kept } = memoryStore();
  const ledgers = createLedgers(store, () => 0);
  await ledgers.pay(name, settingsOf(), key(1));
  kept.set(
    name,
    (kept.get(name) ?? []).filter(({ event }) => event.kind !== 'ledger-opened'),
  );
  await expect(ledgers.pay(name, settingsOf(), key(2))).rejects.toThrow(PrivacyError);
});
