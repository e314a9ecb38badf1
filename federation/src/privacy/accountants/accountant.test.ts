import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { GaussianMechanism, PrivateRounds } from '../mechanism.js';
import { accountants, epsilonSpent } from './accountant.js';
import { gaussianHockeyStick } from './privacy-loss.js';
import { rdpOrders } from './rdp-orders.js';

interface Oracle {
  compositions: {
    parts: { noiseMultiplier: number; sampling: number; rounds: number }[];
    delta: number;
    epsilonRdp: number;
    epsilonPld: number;
  }[];
}

interface Table {
  rdp_orders: number[];
  rows: {
    sampling_probability: number;
    noise_multiplier: number;
    rounds: number;
    delta: number;
    epsilon_rdp: number;
    epsilon_pld: number | null;
  }[];
}

const oracle = JSON.parse(
  readFileSync(new URL('../../../../test/oracles/dp-epsilon.json', import.meta.url), 'utf8'),
) as Oracle;
const table = JSON.parse(
  readFileSync(new URL('../../../../test/oracles/dp-epsilon-table.json', import.meta.url), 'utf8'),
) as Table;

function gaussian(noiseMultiplier: number, sampling: number, rounds: number): PrivateRounds {
  return { mechanism: { kind: 'gaussian', noiseMultiplier, sampling }, rounds };
}

function relative(actual: number, expected: number): number {
  return Math.abs(actual / expected - 1);
}

describe('against dp-accounting', () => {
  test.each(oracle.compositions)('$parts at δ = $delta', ({ parts, delta, epsilonRdp, epsilonPld }) => {
    const spent = parts.map((part) => gaussian(part.noiseMultiplier, part.sampling, part.rounds));
    expect(relative(epsilonSpent('rdp', spent, delta), epsilonRdp)).toBeLessThan(1e-9);
    expect(relative(epsilonSpent('pld', spent, delta), epsilonPld)).toBeLessThan(1e-3);
  });

  test('every row of the larger table', () => {
    const { rdp_orders: orders, rows } = table;
    expect(rdpOrders).toEqual(orders);
    expect(rows.length).toBeGreaterThan(50);
    let compared = 0;
    for (const row of rows) {
      const spent = [gaussian(row.noise_multiplier, row.sampling_probability, row.rounds)];
      expect(relative(epsilonSpent('rdp', spent, row.delta), row.epsilon_rdp)).toBeLessThan(1e-6);
      const pld = epsilonSpent('pld', spent, row.delta);
      if (row.epsilon_pld === null) continue;
      compared += 1;
      expect(relative(pld, row.epsilon_pld)).toBeLessThan(1e-4);
    }
    expect(compared).toBeGreaterThan(40);
  });
});

/** Settings from nearly no to much privacy, such that ε is neither 0 nor in the thousands. */
const settings = fc.record({
  noise: fc.double({ min: 0.5, max: 8, noNaN: true }),
  sampling: fc.oneof(fc.constant(1), fc.double({ min: 0.001, max: 0.99, noNaN: true })),
  rounds: fc.integer({ min: 1, max: 300 }),
  deltaExponent: fc.double({ min: -9, max: -3, noNaN: true }),
});

/** Room for the grid of losses and for rounding. */
const slack = (epsilon: number): number => epsilon * (1 + 1e-4) + 1e-6;

describe.each(accountants)('properties of %s', (accountant) => {
  test('more noise, fewer rounds, less sampling or a larger δ never cost more', () => {
    fc.assert(
      fc.property(
        settings,
        fc.double({ min: 1.01, max: 3, noNaN: true }),
        ({ noise, sampling, rounds, deltaExponent }, factor) => {
          const delta = 10 ** deltaExponent;
          const epsilon = epsilonSpent(accountant, [gaussian(noise, sampling, rounds)], delta);
          const most = slack(epsilon);
          expect(epsilonSpent(accountant, [gaussian(noise * factor, sampling, rounds)], delta)).toBeLessThan(
            most,
          );
          expect(epsilonSpent(accountant, [gaussian(noise, sampling / factor, rounds)], delta)).toBeLessThan(
            most,
          );
          expect(epsilonSpent(accountant, [gaussian(noise, sampling, rounds)], delta * factor)).toBeLessThan(
            most,
          );
          const fewer = Math.ceil(rounds / factor);
          expect(epsilonSpent(accountant, [gaussian(noise, sampling, fewer)], delta)).toBeLessThan(most);
        },
      ),
      { numRuns: accountant === 'pld' ? 8 : 50, seed: 1 },
    );
  });

  test('rounds cost the same together and apart, in any order', () => {
    fc.assert(
      fc.property(settings, settings, fc.integer({ min: 1, max: 50 }), (a, b, more) => {
        const delta = 10 ** a.deltaExponent;
        const first = gaussian(a.noise, a.sampling, a.rounds);
        const second = gaussian(b.noise, b.sampling, b.rounds);
        const together = epsilonSpent(accountant, [{ ...first, rounds: a.rounds + more }, second], delta);
        const apart = epsilonSpent(accountant, [second, first, { ...first, rounds: more }], delta);
        expect(relative(apart + 1e-6, together + 1e-6)).toBeLessThan(1e-4);
        // Neither part alone costs more than both.
        expect(epsilonSpent(accountant, [first], delta)).toBeLessThan(slack(together));
        expect(epsilonSpent(accountant, [second], delta)).toBeLessThan(slack(together));
      }),
      { numRuns: accountant === 'pld' ? 8 : 50, seed: 2 },
    );
  });

  test('nothing costs nothing', () => {
    expect(epsilonSpent(accountant, [], 1e-6)).toBe(0);
  });

  test.each([
    [gaussian(0, 0.1, 1), 1e-5, 'invalid-noise'],
    [gaussian(Number.NaN, 0.1, 1), 1e-5, 'invalid-noise'],
    [gaussian(1, 0, 1), 1e-5, 'invalid-sampling'],
    [gaussian(1, 1.01, 1), 1e-5, 'invalid-sampling'],
    [gaussian(1, 0.1, 0), 1e-5, 'invalid-rounds'],
    [gaussian(1, 0.1, 1.5), 1e-5, 'invalid-rounds'],
    [gaussian(1, 0.1, 1), 0, 'invalid-delta'],
    [gaussian(1, 0.1, 1), 1, 'invalid-delta'],
  ])('%j at δ = %s is refused as %s', (spent, delta, code) => {
    expect(() => epsilonSpent(accountant, [spent], delta)).toThrow(expect.objectContaining({ code }));
  });
});

test('PLD is never looser than RDP, beyond its grid', () => {
  fc.assert(
    fc.property(fc.array(settings, { minLength: 1, maxLength: 3 }), (parts) => {
      const delta = 10 ** parts[0].deltaExponent;
      const spent = parts.map(({ noise, sampling, rounds }) => gaussian(noise, sampling, rounds));
      const rdp = epsilonSpent('rdp', spent, delta);
      expect(epsilonSpent('pld', spent, delta)).toBeLessThan(rdp * 1.001 + 1e-4);
    }),
    { numRuns: 20, seed: 3 },
  );
});

test('PLD of full participation is the closed form of Balle and Wang', () => {
  for (const [noise, rounds] of [
    [0.3, 1],
    [1, 7],
    [12, 100],
    [0.5, 2000],
  ]) {
    const epsilon = epsilonSpent('pld', [gaussian(noise, 1, rounds)], 1e-6);
    const delta = gaussianHockeyStick(noise / Math.sqrt(rounds), epsilon);
    expect(relative(delta, 1e-6)).toBeLessThan(2e-2);
  }
});

test.each<[string, GaussianMechanism, number, number]>([
  ['hardly any noise', { kind: 'gaussian', noiseMultiplier: 0.01, sampling: 0.5 }, 10, 1e-5],
  ['hardly any sampling', { kind: 'gaussian', noiseMultiplier: 100, sampling: 1e-5 }, 1_000_000, 1e-6],
  ['millions of rounds', { kind: 'gaussian', noiseMultiplier: 1.1, sampling: 0.01 }, 3_000_000, 1e-6],
  ['hardly any rest', { kind: 'gaussian', noiseMultiplier: 1, sampling: 1 - 1e-9 }, 50, 1e-9],
])('extreme settings keep PLD finite and below RDP: %s', (_, mechanism, rounds, delta) => {
  const spent = [{ mechanism, rounds }];
  const pld = epsilonSpent('pld', spent, delta);
  expect(pld).toBeGreaterThan(0);
  expect(pld).toBeLessThan(epsilonSpent('rdp', spent, delta));
});

test('PLD refuses what it cannot answer, and says who can', () => {
  const tiny = [gaussian(1, 0.1, 10)];
  expect(() => epsilonSpent('pld', tiny, 1e-13)).toThrow(
    expect.objectContaining({ code: 'delta-too-small', remedy: expect.stringContaining('RDP') }),
  );
  const skellam: PrivateRounds = {
    mechanism: { kind: 'skellam', centralVariance: 100, l2Sensitivity: 1, l1Sensitivity: 1, sampling: 1 },
    rounds: 1,
  };
  expect(() => epsilonSpent('pld', [skellam], 1e-5)).toThrow(
    expect.objectContaining({ code: 'unsupported-mechanism' }),
  );
});
