/** Key agreement, signatures and sealed boxes; two implementations of the same bytes. */
export { nodeSuite } from './node-suite.js';
export { boxKey, openBox, sealBox, sealOverhead } from './sealed-box.js';
export type { Agreement, KeyPair, KeySuite, SigningKey } from './suite.js';
export { tweetnaclSuite } from './tweetnacl-suite.js';
