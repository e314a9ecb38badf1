import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { accountants, epsilonSpent } from './accountants/index.js';
import {
  applyLedgerEvent,
  epsilonLeft,
  type LedgerEvent,
  openLedger,
  type PrivacyLedger,
  replayLedger,
  roundsLeft,
  spend,
} from './ledger.js';
import type { GaussianMechanism } from './mechanism.js';

const budget = { epsilon: 3, delta: 1e-5 };
const usual: GaussianMechanism = { kind: 'gaussian', noiseMultiplier: 2, sampling: 0.2 };
const loud: GaussianMechanism = { ...usual, noiseMultiplier: 1 };

/** Spends until it is refused; gives everything that was stored. */
function spendAll(mechanism: GaussianMechanism): {
  events: LedgerEvent[];
  ledger: PrivacyLedger;
  rounds: number;
} {
  const start = openLedger(budget, 'rdp');
  const events: LedgerEvent[] = [start.event];
  let ledger = start.ledger;
  for (let round = 0; ; round += 1) {
    const decision = spend(ledger, `round-${round}`, mechanism);
    if (decision.kind !== 'granted') {
      expect(decision).toMatchObject({ kind: 'refused', code: 'PRIVACY_BUDGET_EXHAUSTED' });
      return { events, ledger, rounds: round };
    }
    events.push(decision.event);
    ledger = decision.ledger;
  }
}

describe.each(accountants)('with %s', (accountant) => {
  test('whatever is asked, what was granted never exceeds the budget, and is what the accountant says', () => {
    const mechanisms = [usual, loud, { ...usual, sampling: 1 }, { ...usual, noiseMultiplier: 8 }];
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...mechanisms), { maxLength: 8 }), (wishes) => {
        const start = openLedger(budget, accountant);
        let ledger = start.ledger;
        const events: LedgerEvent[] = [start.event];
        const granted: GaussianMechanism[] = [];
        for (const [i, mechanism] of wishes.entries()) {
          const decision = spend(ledger, `attempt-${i}`, mechanism);
          if (decision.kind === 'granted') {
            granted.push(mechanism);
            events.push(decision.event);
            ledger = decision.ledger;
          } else if (decision.kind === 'refused') {
            expect(decision.epsilonWould).toBeGreaterThan(budget.epsilon);
          }
        }
        const spent = granted.map((mechanism) => ({ mechanism, rounds: 1 }));
        expect(ledger.epsilon).toBeLessThanOrEqual(budget.epsilon);
        expect(ledger.epsilon).toBeCloseTo(epsilonSpent(accountant, spent, budget.delta), 4);
        expect(epsilonLeft(ledger)).toBeCloseTo(budget.epsilon - ledger.epsilon, 12);
        expect(replayLedger(JSON.parse(JSON.stringify(events)))).toEqual(ledger);
      }),
      { numRuns: accountant === 'pld' ? 4 : 40, seed: 5 },
    );
  });
});

test('a run ends exactly where the prediction said, and a refusal changes nothing', () => {
  const { ledger: fresh } = openLedger(budget, 'rdp');
  const predicted = roundsLeft(fresh, usual);
  const { ledger, rounds } = spendAll(usual);
  expect(rounds).toBe(predicted);
  expect(rounds).toBeGreaterThan(10);
  expect(roundsLeft(ledger, usual)).toBe(0);
  const again = spend(ledger, 'one more', usual);
  expect(again).toMatchObject({ kind: 'refused', code: 'PRIVACY_BUDGET_EXHAUSTED' });
  // A quieter round may still fit.
  expect(spend(ledger, 'quiet', { ...usual, noiseMultiplier: 100, sampling: 0.001 }).kind).toBe('granted');
});

test('a crash at any moment forgets nothing that was stored', () => {
  const { events, ledger, rounds } = spendAll(usual);
  for (let stored = 1; stored <= events.length; stored += 7) {
    let restarted = replayLedger(events.slice(0, stored));
    // The attempt whose event was the last to be stored is paid already: it starts without paying again.
    if (stored > 1) {
      expect(spend(restarted, `round-${stored - 2}`, usual)).toEqual({
        kind: 'already-paid',
        ledger: restarted,
      });
    }
    for (let round = stored - 1; round < rounds; round += 1) {
      const decision = spend(restarted, `round-${round}`, usual);
      if (decision.kind !== 'granted') throw new Error(`round ${round} after a restart: ${decision.kind}`);
      restarted = decision.ledger;
    }
    expect(restarted).toEqual(ledger);
  }
});

test('an attempt that comes back with other noise is refused', () => {
  const first = spend(openLedger(budget, 'rdp').ledger, 'a', usual);
  if (first.kind !== 'granted') throw new Error(first.kind);
  expect(spend(first.ledger, 'a', loud)).toMatchObject({ kind: 'refused', code: 'PRIVACY_ATTEMPT_CONFLICT' });
});

test('roundsLeft stops counting where it is told to', () => {
  const { ledger } = openLedger({ epsilon: 9, delta: 1e-5 }, 'rdp');
  expect(roundsLeft(ledger, usual, 5)).toBe(5);
  expect(roundsLeft(ledger, { ...usual, noiseMultiplier: 0.05, sampling: 1 })).toBe(0);
});

test('events that do not follow one another are refused', () => {
  const { event, ledger } = openLedger(budget, 'rdp');
  const first = spend(ledger, 'a', usual);
  if (first.kind !== 'granted') throw new Error(first.kind);
  const corrupt = expect.objectContaining({ code: 'corrupt-ledger' });
  expect(() => replayLedger([])).toThrow(corrupt);
  expect(() => replayLedger([event, event])).toThrow(corrupt);
  expect(() => replayLedger([first.event])).toThrow(corrupt);
  expect(() => replayLedger([event, first.event, first.event])).toThrow(corrupt);
  const falling = { ...first.event, attemptId: 'b', epsilonAfter: 0.001 };
  expect(() => replayLedger([event, first.event, falling])).toThrow(corrupt);
  const unknown = { ...first.event, attemptId: 'c', epsilonAfter: Number.NaN };
  expect(() => applyLedgerEvent(first.ledger, unknown)).toThrow(corrupt);
  const senseless = { ...first.event, mechanism: { ...usual, noiseMultiplier: -1 } };
  expect(() => replayLedger([event, senseless])).toThrow(expect.objectContaining({ code: 'invalid-noise' }));
});

test('budgets without sense are refused', () => {
  expect(() => openLedger({ epsilon: 0, delta: 1e-5 }, 'rdp')).toThrow(
    expect.objectContaining({ code: 'invalid-epsilon' }),
  );
  expect(() => openLedger({ epsilon: 1, delta: 1 }, 'rdp')).toThrow(
    expect.objectContaining({ code: 'invalid-delta' }),
  );
});
