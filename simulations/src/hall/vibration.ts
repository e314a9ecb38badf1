/**
 * What six-axis vibration sensors on an electric motor measure: a model that is small enough for thousands of samples a
 * second, and has what tells machines' conditions apart.
 *
 * - **Shaft**: imbalance at the speed of rotation f, misalignment at 2 f.
 * - **Gear**: the meshing frequency, teeth × f; a broken tooth hits once a turn and modulates it (sidebands at ± f).
 * - **Bearing**: a defect is rolled over again and again, at a rate that the geometry decides (n balls of diameter d on a
 *   pitch circle D, contact angle φ, r = d/D · cos φ):
 *   outer race BPFO = n/2 · f (1 − r), inner race BPFI = n/2 · f (1 + r),
 *   ball BSF = D/(2d) · f (1 − r²), of which it hits a race twice a turn, cage FTF = f/2 · (1 − r).
 *   Each hit excites a resonance of the housing that rings out: a decaying sine. A defect of the inner race passes the
 *   loaded zone once a turn, one of a ball once a turn of the cage: they are modulated by f and by FTF.
 * - **Operation** changes from minute to minute, as a converter drives it: speed by some percent, and the load.
 * - **Load** raises the gear's tone and what the loaded zone feels; **noise** is white.
 *
 * After Randall and Antoni 2011, "Rolling element bearing diagnostics: a tutorial", sections 2 and 3. Units are arbitrary:
 * accelerations around 1, rates of rotation a tenth of that.
 */
import { randomStream, standardNormal } from '@starling/engine';

export const conditions = ['healthy', 'outer race', 'inner race', 'ball', 'cage', 'gear'] as const;
export type Condition = (typeof conditions)[number];

/** Names of the six axes: acceleration radial, radial and axial, and rates of rotation about the same. */
export const axes = ['ax', 'ay', 'az', 'gx', 'gy', 'gz'] as const;

export interface Motor {
  readonly name: string;
  /** Of rotation, in hertz, around which it varies by `speedVaries` each way. */
  readonly shaftHz: number;
  /** 0 to 1; around it too. */
  readonly load: number;
  readonly teeth: number;
  readonly bearing: {
    readonly balls: number;
    readonly diameterRatio: number;
    readonly contactRadians: number;
  };
  /** Standard deviation of the sensors' noise. */
  readonly noise: number;
  /** What breaks; a healthy motor stays so. */
  readonly fault: Condition;
  /** When it begins to, in seconds of the motor's life. */
  readonly faultAtSeconds: number;
  readonly seed: number;
}

export interface DefectFrequencies {
  readonly outerHz: number;
  readonly innerHz: number;
  readonly ballHz: number;
  readonly cageHz: number;
}

/** BPFO, BPFI, BSF and FTF. */
export function defectFrequencies({
  shaftHz,
  bearing,
}: Pick<Motor, 'shaftHz' | 'bearing'>): DefectFrequencies {
  const { balls, diameterRatio, contactRadians } = bearing;
  const ratio = diameterRatio * Math.cos(contactRadians);
  return {
    outerHz: (balls / 2) * shaftHz * (1 - ratio),
    innerHz: (balls / 2) * shaftHz * (1 + ratio),
    ballHz: (shaftHz / (2 * diameterRatio)) * (1 - ratio * ratio),
    cageHz: (shaftHz / 2) * (1 - ratio),
  };
}

/** Of the housing, in hertz, and how fast it rings out, in 1/s. */
const resonanceHz = 610;
const decayPerSecond = 420;
/** A fault that has begun is half as bad as it gets at once, so that its first windows are not healthy ones. */
const worstAfterSeconds = 10;
/** How far a hit is from where the geometry says, as a share of the period: balls slip. */
const slip = 0.01;

/** Speed and load at a moment: both wander slowly, each motor in its own time. */
export function operationAt(
  motor: Motor,
  seconds: number,
): { readonly shaftHz: number; readonly load: number } {
  const phase = motor.seed % 1000;
  const wander = (period: number): number => Math.sin((2 * Math.PI * seconds) / period + phase);
  const shaftHz = motor.shaftHz * (1 + speedVaries * (0.6 * wander(7.3) + 0.4 * wander(2.9)));
  return { shaftHz, load: Math.min(1, Math.max(0, motor.load + 0.25 * wander(5.1))) };
}

const speedVaries = 0.06;

export function conditionAt({ fault, faultAtSeconds }: Motor, seconds: number): Condition {
  return seconds >= faultAtSeconds ? fault : 'healthy';
}

/**
 * Samples of a motor from a moment of its life on, each as its six axes: `[count × 6]`. The same motor, moment and count
 * give the same samples.
 */
export function measure(motor: Motor, fromSeconds: number, count: number, samplingHz: number): Float64Array {
  const { teeth, noise, seed } = motor;
  const { shaftHz, load } = operationAt(motor, fromSeconds);
  const normal = standardNormal(randomStream(seed, Math.floor(fromSeconds * 1000)));
  const condition = conditionAt(motor, fromSeconds);
  const age = Math.max(0, fromSeconds - motor.faultAtSeconds);
  const severity = condition === 'healthy' ? 0 : Math.min(1, 0.5 + age / (2 * worstAfterSeconds));
  const hits = hitsOf({ ...motor, shaftHz, load }, condition, fromSeconds, count / samplingHz, normal);
  const gearTone = 0.15 + 0.25 * load;
  const samples = new Float64Array(6 * count);
  for (let at = 0; at < count; at += 1) {
    const seconds = fromSeconds + at / samplingHz;
    const turn = 2 * Math.PI * shaftHz * seconds;
    const broken = condition === 'gear' ? severity * Math.exp(-12 * ((seconds * shaftHz) % 1)) : 0;
    const gear = gearTone * (1 + 6 * broken) * Math.sin(teeth * turn) + 1.5 * broken;
    const ringing = severity * ringingAt(hits, seconds);
    const base = 6 * at;
    samples[base] = Math.cos(turn) + 0.25 * Math.cos(2 * turn) + gear + ringing;
    samples[base + 1] = Math.sin(turn) + 0.25 * Math.sin(2 * turn) + 0.8 * gear + 0.7 * ringing;
    samples[base + 2] = 0.3 * Math.cos(2 * turn + 0.5) + 0.3 * gear + 0.3 * ringing;
    samples[base + 3] = 0.1 * Math.sin(turn) + 0.05 * gear + 0.03 * ringing;
    samples[base + 4] = 0.1 * Math.cos(turn) + 0.05 * gear + 0.02 * ringing;
    samples[base + 5] = 0.02 * Math.sin(2 * turn) + 0.1 * gear + 0.01 * ringing;
    for (let axis = 0; axis < 6; axis += 1) samples[base + axis] += noise * (axis < 3 ? 1 : 0.1) * normal();
  }
  return samples;
}

interface Hit {
  readonly seconds: number;
  readonly strength: number;
}

/** When the defect is rolled over, a little before the span too: what rings then is still heard. */
function hitsOf(
  motor: Motor,
  condition: Condition,
  fromSeconds: number,
  forSeconds: number,
  normal: () => number,
): readonly Hit[] {
  const { outerHz, innerHz, ballHz, cageHz } = defectFrequencies(motor);
  const rates: Readonly<Partial<Record<Condition, readonly [hz: number, modulationHz: number]>>> = {
    'outer race': [outerHz, 0],
    'inner race': [innerHz, motor.shaftHz],
    ball: [2 * ballHz, cageHz],
    cage: [cageHz, 0],
  };
  const rate = rates[condition];
  if (rate === undefined) return [];
  const [hz, modulationHz] = rate;
  const strength = (2.5 + motor.load) * (condition === 'cage' ? 1.5 : 1);
  const hits: Hit[] = [];
  const first = Math.floor((fromSeconds - 0.02) * hz);
  for (let number = first; number / hz < fromSeconds + forSeconds; number += 1) {
    const seconds = (number + slip * normal()) / hz;
    const modulation = modulationHz === 0 ? 1 : 0.55 + 0.45 * Math.cos(2 * Math.PI * modulationHz * seconds);
    hits.push({ seconds, strength: strength * modulation });
  }
  return hits;
}

function ringingAt(hits: readonly Hit[], seconds: number): number {
  let sum = 0;
  for (const { seconds: hitSeconds, strength } of hits) {
    const since = seconds - hitSeconds;
    // What rang out before 20 ms ago is below a thousandth.
    if (since < 0 || since > 0.02) continue;
    sum += strength * Math.exp(-decayPerSecond * since) * Math.sin(2 * Math.PI * resonanceHz * since);
  }
  return sum;
}
