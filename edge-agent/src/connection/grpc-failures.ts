/** What becomes of a call that failed: tried again later, given up, or none of gRPC's business. */
import { StarlingError } from '@starling/proto';
import { CallError, type CallFailure } from './transport.js';

export async function checked<T>(call: 'check-in' | 'round', run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw asCallError(error, call);
  }
}

const laterStatuses: ReadonlySet<string> = new Set([
  'unavailable',
  'deadline-exceeded',
  'aborted',
  'resource-exhausted',
  'cancelled',
  // Held bytes are asked for anew before the upload goes on.
  'out-of-range',
]);

/** The coordinator dropped what it held of an upload, and wants it from the start. */
const hashMismatch = 'UPDATE_HASH_MISMATCH';

/** An error that is none of gRPC's, such as the signal's reason or a file that cannot be read, stays what it is. */
export function asCallError(error: unknown, call: 'check-in' | 'round' | 'artifact'): unknown {
  if (error instanceof StarlingError) {
    return new CallError(failureOf(error, call), error);
  }
  if (error instanceof RangeError) {
    return new CallError({ kind: 'refused', code: 'ANSWER_INVALID', message: error.message }, error);
  }
  return error;
}

function failureOf(error: StarlingError, call: 'check-in' | 'round' | 'artifact'): CallFailure {
  const { code, retryAfterMs, status } = error;
  // What gRPC says by itself ends without a full stop.
  const sentence = /[.!?]$/.test(error.message) ? error.message : `${error.message}.`;
  const message = error.remedy === '' ? sentence : `${sentence} ${error.remedy}`;
  if (retryAfterMs > 0 || laterStatuses.has(status) || code === hashMismatch) {
    return { kind: 'later', message, retryAfterMs, code };
  }
  if (call === 'check-in' && (status === 'failed-precondition' || status === 'unimplemented')) {
    return { kind: 'incompatible', message, code };
  }
  // A coordinator that stumbles is not one that says no.
  return status === 'internal'
    ? { kind: 'later', message, retryAfterMs: 0, code }
    : { kind: 'refused', code, message };
}
