/** What is read of Sparkplug B payloads; apart, so that only who ingests them loads it. */
export * from './generated/sparkplug-b.js';
export { decodeMessage, encodeMessage } from './wire.js';
