import { expect, test } from 'vitest';
import { conditions, defectFrequencies, type Motor, measure, operationAt } from './vibration.js';

const samplingHz = 2048;
const motor: Motor = {
  name: 'm',
  shaftHz: 29.95,
  load: 0.5,
  teeth: 17,
  // SKF 6205-2RS, as in the bearing data of Case Western Reserve University.
  bearing: { balls: 9, diameterRatio: 0.3126 / 1.537, contactRadians: 0 },
  noise: 0.1,
  fault: 'healthy',
  faultAtSeconds: 0,
  seed: 5,
};

test('the defect frequencies of a 6205 bearing are those that its maker states', () => {
  // As multiples of the speed: outer 3.5848, inner 5.4152, cage 0.39828, rolling element 4.7135 (twice BSF).
  const { outerHz, innerHz, ballHz, cageHz } = defectFrequencies(motor);
  expect(outerHz / motor.shaftHz).toBeCloseTo(3.5848, 3);
  expect(innerHz / motor.shaftHz).toBeCloseTo(5.4152, 3);
  expect(cageHz / motor.shaftHz).toBeCloseTo(0.39828, 4);
  expect((2 * ballHz) / motor.shaftHz).toBeCloseTo(4.7135, 3);
});

/** Of the signal's envelope (its square): how strong a frequency is, against the median of those around it. */
function envelopeProminence(samples: Float64Array, hz: number): number {
  const count = samples.length / 6;
  // Above the shaft and the gear's first tone: a difference of second order.
  const high = Float64Array.from({ length: count - 2 }, (_, at) => {
    const value = samples[6 * at] - 2 * samples[6 * (at + 1)] + samples[6 * (at + 2)];
    return value * value;
  });
  const mean = high.reduce((sum, value) => sum + value, 0) / high.length;
  const power = (frequency: number): number => {
    let [re, im] = [0, 0];
    for (let at = 0; at < high.length; at += 1) {
      const angle = (2 * Math.PI * frequency * at) / samplingHz;
      re += (high[at] - mean) * Math.cos(angle);
      im += (high[at] - mean) * Math.sin(angle);
    }
    return Math.hypot(re, im);
  };
  const around = [-11, -8.5, -6, 6, 8.5, 11].map((offset) => power(hz + offset)).sort((a, b) => a - b);
  return power(hz) / ((around[2] + around[3]) / 2);
}

test.each([
  ['outer race', 'outerHz'],
  ['inner race', 'innerHz'],
  ['ball', 'ballHz'],
] as const)(
  'a defect of the %s shows in the envelope’s spectrum where the geometry says, and only after it began',
  (fault, name) => {
    const broken = { ...motor, fault, faultAtSeconds: 100 };
    const rate = (seconds: number) =>
      defectFrequencies({ ...broken, ...operationAt(broken, seconds) })[name] * (name === 'ballHz' ? 2 : 1);
    expect(envelopeProminence(measure(broken, 120, 4 * samplingHz, samplingHz), rate(120))).toBeGreaterThan(
      8,
    );
    expect(envelopeProminence(measure(broken, 20, 4 * samplingHz, samplingHz), rate(20))).toBeLessThan(4);
  },
);

test('every condition measures differently, within the range of the contract, and the same again', () => {
  const of = (fault: (typeof conditions)[number]) => measure({ ...motor, fault }, 30, 512, samplingHz);
  const all = conditions.map(of);
  expect(of('gear')).toEqual(all[5]);
  for (const samples of all) expect(Math.max(...samples.map(Math.abs))).toBeLessThan(32);
  const energies = all.map((samples) => samples.reduce((sum, value) => sum + value * value, 0));
  for (const energy of energies.slice(1)) expect(energy).toBeGreaterThan(1.02 * energies[0]);
});
