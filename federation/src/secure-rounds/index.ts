/** Rounds of updates under secure aggregation: what joins the protocol with the encoding. */
export {
  contributionOf,
  type SecureRoundKey,
  type SecureRoundSettings,
  secureRoundOf,
} from './secure-round-settings.js';
