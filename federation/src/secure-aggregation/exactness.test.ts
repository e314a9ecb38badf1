import { expect, test } from 'vitest';
import { createSeededEntropy, type Entropy, uint32, uniformInteger } from '../ports/index.js';
import { defaultGraphRequirements, dropoutMaximum, type GraphRequirements } from './graph/index.js';
import { nodeSuite } from './keys/index.js';
import type { SecureRound } from './round.js';
import { createFleet, remembering, testRound } from './testing/fleet.js';
import { type LostAt, type RoundResult, wholeRound } from './testing/whole-round.js';

/** How many times the patterns of `npm test`: more for a long hunt. */
const times = Math.max(1, Math.floor(Number(process.env.STARLING_EXACTNESS_TIMES ?? 1)));

/** Thresholds low enough that graphs are sparse in cohorts of a test's size. */
const weak = { corruptFraction: 0.05, dropoutFraction: 0.1, securityBits: 10, correctnessBits: 10 };

const stages: readonly LostAt[] = ['keys', 'shares', 'update', 'signature', 'reveal'];

/** The sum that the round should have, from the survivors' plain vectors. */
function plainSum(vectors: readonly Uint32Array[], lostAt: readonly LostAt[], round: SecureRound): number[] {
  const modulus = 2 ** round.ringBits;
  return Array.from({ length: round.vectorLength }, (_, i) =>
    vectors.reduce((sum, vector, device) => {
      const counts = !['keys', 'shares', 'update'].includes(lostAt[device]);
      return counts ? (sum + (vector[i] % modulus)) % modulus : sum;
    }, 0),
  );
}

function randomVectors(entropy: Entropy, devices: number, round: SecureRound): Uint32Array[] {
  return Array.from({ length: devices }, () =>
    Uint32Array.from({ length: round.vectorLength }, () => uint32(entropy) % 2 ** round.ringBits),
  );
}

/** `count` random devices, each lost at a random one of `among`. */
function randomLosses(entropy: Entropy, devices: number, count: number, among: readonly LostAt[]): LostAt[] {
  const lostAt = Array<LostAt>(devices).fill('never');
  let left = count;
  while (left > 0) {
    const device = uniformInteger(entropy, devices);
    if (lostAt[device] !== 'never') continue;
    lostAt[device] = among[uniformInteger(entropy, among.length)];
    left -= 1;
  }
  return lostAt;
}

/** No device gives away shares of both secrets of anybody, nor do two devices between them. */
function expectNobodyExposed({ revealed }: RoundResult): void {
  const selfMasks = new Set(revealed.flatMap((message) => message.selfMasks.map(({ owner }) => owner)));
  for (const { maskKeys } of revealed) {
    for (const { owner } of maskKeys) expect(selfMasks.has(owner)).toBe(false);
  }
}

function checkPatterns(
  devices: number,
  patterns: number,
  requirements: GraphRequirements = defaultGraphRequirements,
): { sums: number; abandoned: number } {
  const fleet = createFleet(devices, `exactness ${devices}`, remembering(nodeSuite));
  const entropy = createSeededEntropy(`patterns ${devices}`);
  const counts = { sums: 0, abandoned: 0 };
  for (let pattern = 0; pattern < patterns * times; pattern += 1) {
    const round = testRound(
      { ringBits: 1 + uniformInteger(entropy, 32), vectorLength: 1 + uniformInteger(entropy, 300) },
      requirements,
    );
    const vectors = randomVectors(entropy, devices, round);
    const early = uniformInteger(entropy, 4) === 0 ? uniformInteger(entropy, devices - 1) : 0;
    const advertised = devices - early;
    const tolerated = dropoutMaximum(advertised, requirements);
    // Every third pattern goes beyond what is tolerated.
    const beyond = pattern % 3 === 2 ? 1 + uniformInteger(entropy, advertised - tolerated) : 0;
    const losses = beyond > 0 ? tolerated + beyond : uniformInteger(entropy, tolerated + 1);
    const late = randomLosses(entropy, advertised, losses, stages.slice(1));
    const lostAt = [...late, ...Array<LostAt>(early).fill('keys')];
    const result = wholeRound(fleet, round, vectors, lostAt);
    expectNobodyExposed(result);
    if (beyond === 0) expect(result.end).toBe('sum');
    // Too many were lost before anything was asked of anybody: no sum, and nothing leaves a device.
    if (lostAt.filter((at) => at === 'shares' || at === 'update').length > tolerated) {
      expect(result.end).not.toBe('sum');
      expect(result.revealed).toEqual([]);
    }
    if (result.end === 'sum') {
      expect(Array.from(result.sum)).toEqual(plainSum(vectors, lostAt, round));
      counts.sums += 1;
    } else {
      counts.abandoned += 1;
    }
  }
  return counts;
}

test('the sum is exact for every pattern of losses within tolerance, in small cohorts', {
  timeout: 300_000 * times,
}, () => {
  let sums = 0;
  let abandoned = 0;
  for (let devices = 2; devices <= 16; devices += 1) {
    // A pattern costs with the square of its devices and more, and few devices meet every combination of losses.
    const counts = checkPatterns(devices, devices <= 8 ? 260 : 24);
    sums += counts.sums;
    abandoned += counts.abandoned;
  }
  expect(sums).toBeGreaterThan(1_200 * times);
  expect(abandoned).toBeGreaterThan(300 * times);
});

// From 32 devices on graphs are sparse where that is no larger than the complete one.
test.for([
  { requirements: defaultGraphRequirements, sizes: [17, 24, 31, 32, 33, 40, 64], patterns: 6 },
  { requirements: weak, sizes: [48, 80, 100, 128, 150, 175, 200], patterns: 3 },
])(
  'the sum is exact in cohorts of $sizes',
  { timeout: 300_000 * times },
  ({ requirements, sizes, patterns }) => {
    for (const devices of sizes) {
      const { sums, abandoned } = checkPatterns(devices, patterns, requirements);
      expect(sums).toBeGreaterThan(0);
      expect(abandoned).toBeGreaterThan(0);
    }
  },
);
