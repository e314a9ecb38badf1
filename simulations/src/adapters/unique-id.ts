import { randomUUID } from 'node:crypto';

/** A name that nobody else has: for telling processes apart, never for what is computed. */
export function uniqueId(): string {
  return randomUUID();
}
