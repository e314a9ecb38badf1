/** Rounds of updates under secure aggregation: what joins the protocol with the encoding. */
export {
  brokenNoisePromise,
  latticeNoise,
  type NoisePromise,
  type NoiseWanted,
  type NoisyRound,
  noiseMechanism,
  planRoundNoise,
  type RoundNoise,
} from './distributed-noise.js';
export {
  contributionOf,
  type SecureRoundHashes,
  type SecureRoundKey,
  type SecureRoundSettings,
  secureRoundOf,
} from './secure-round-settings.js';
