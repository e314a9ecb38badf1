/** What a device signs for, with its keys, of what it is asked: the same for all devices of a round, or they are not in one sum. */
import { createHash } from 'node:crypto';
import { Assignment } from './generated/round.js';
import { decodeMessage, encodeMessage } from './wire.js';

/**
 * SHA-256 of the assignment without what names the attempt (`round`, which is signed beside it) and what is each device's own
 * (`training.seed`, `analytics.seed`, `deadline_ms`): of its fields in ascending order, those of default value left out, as
 * proto3 writes them. 32 bytes. What a revision adds to assignments is in it by itself.
 */
export function requestHash(assignment: Assignment): Uint8Array {
  const { training, analytics } = assignment;
  const shared: Assignment = {
    ...assignment,
    round: undefined,
    deadlineMs: 0,
    training: training && { ...training, seed: 0 },
    analytics: analytics && { ...analytics, seed: 0 },
  };
  // Numbers as they are on the wire, whichever end asks.
  const asWired = decodeMessage(Assignment, encodeMessage(Assignment, shared));
  return new Uint8Array(createHash('sha256').update(encodeMessage(Assignment, asWired)).digest());
}
