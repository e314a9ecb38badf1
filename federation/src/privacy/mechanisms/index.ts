/** Noise: Gaussian in doubles for the coordinator, discrete Gaussian and Skellam, exact, for devices. */
export { type DeviceNoise, deviceNoise, type NoiseCohort } from './device-noise.js';
export { sampleDiscreteGaussian } from './discrete-gaussian.js';
export { addGaussianNoise, gaussianNoise } from './gaussian.js';
export { type LatticeNorms, roundedNorms } from './rounded-norms.js';
export { sampleSkellam } from './skellam.js';
