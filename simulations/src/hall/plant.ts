/** The motors of the hall, and the windows of others that nobody trained on. Everything is decided by the seed. */
import { randomStream, uniform01 } from '@starling/engine';
import { deriveSeed } from '../seeds.js';
import { type Condition, conditionAt, conditions, type Motor, measure } from './vibration.js';

export const samplingHz = 2048;
/** Samples of one example, and from one example to the next. */
export const windowSize = 128;
export const windowStride = 64;
/** Samples that a sensor sends at once, and how much of its motor's life passes from one burst to the next. */
export const burstSize = 512;
export const burstSeconds = 0.5;
export const windowsOfBurst = 1 + (burstSize - windowSize) / windowStride;

/**
 * The motors of every gateway. Each gateway sees some of the faults only: what it will be asked about others, it can have
 * from the fleet alone.
 *
 * @param faultAtSeconds when the first fault begins; the others follow within as long again
 */
export function makeMotors(
  gateways: number,
  motors: number,
  seed: number,
  faultAtSeconds: number,
): readonly (readonly Motor[])[] {
  return Array.from({ length: gateways }, (_, gateway) =>
    Array.from({ length: motors }, (_, motor) => {
      const number = gateway * motors + motor;
      // Six conditions over the hall, one after the other.
      const fault = conditions[(number + 1) % conditions.length];
      return makeMotor(`motor-${motor + 1}`, fault, faultAtSeconds, deriveSeed(seed, 1, number));
    }),
  );
}

function makeMotor(name: string, fault: Condition, faultAtSeconds: number, seed: number): Motor {
  const random = randomStream(seed, 0);
  const between = (least: number, most: number): number => least + (most - least) * uniform01(random);
  return {
    name,
    shaftHz: between(27, 31),
    load: between(0.2, 0.9),
    teeth: 17,
    bearing: { balls: 9, diameterRatio: 0.2034, contactRadians: 0 },
    noise: between(0.08, 0.15),
    fault,
    faultAtSeconds: faultAtSeconds * between(1, 2),
    seed,
  };
}

export interface Windows {
  /** `[count × axes × windowSize]`, each axis after the other, as the model takes them. */
  readonly features: Float32Array;
  readonly labels: Uint8Array;
}

/** Windows of motors that are in no gateway's reach: as many of each condition. */
export function heldOutWindows(ofEach: number, seed: number): Windows {
  const count = conditions.length * ofEach;
  const features = new Float32Array(count * 6 * windowSize);
  const labels = new Uint8Array(count);
  for (let at = 0; at < count; at += 1) {
    const label = at % conditions.length;
    const motor = makeMotor('held out', conditions[label], 0, deriveSeed(seed, 2, at));
    features.set(axisByAxis(measure(motor, 5 + at * 0.37, windowSize, samplingHz)), at * 6 * windowSize);
    labels[at] = label;
  }
  return { features, labels };
}

/** From `[samples × 6]` to `[6 × samples]`. */
export function axisByAxis(samples: Float64Array): Float32Array {
  const count = samples.length / 6;
  return Float32Array.from(samples, (_, at) => samples[6 * (at % count) + Math.floor(at / count)]);
}

/** Seconds of a motor's life at its `burst`th burst. */
export const lifeAt = (burst: number): number => burst * burstSeconds;

export const conditionOfBurst = (motor: Motor, burst: number): Condition => conditionAt(motor, lifeAt(burst));
