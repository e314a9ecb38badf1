/** A download must get on: whoever lets bytes trickle would keep a device from everything else that is released (slow retrieval). */
import { type Clock, ReleaseError } from '@starling/federation';
import type { ReleaseDownload } from './slots.js';

/** As much must come in each span, in bytes and milliseconds. */
const bytesMin = 1024;
const spanMs = 60_000;

/** @throws ReleaseError `RELEASE_TOO_SLOW`; what came is kept, and the next attempt goes on from there */
export function atPace(download: ReleaseDownload, clock: Clock): ReleaseDownload {
  return async function* (sha256, offset, signal) {
    const slow = new AbortController();
    let received = 0;
    let before = 0;
    const look = (): void => {
      if (received - before < bytesMin) slow.abort();
      else {
        before = received;
        timer = clock.schedule(spanMs, look);
      }
    };
    let timer = clock.schedule(spanMs, look);
    try {
      for await (const chunk of download(sha256, offset, AbortSignal.any([signal, slow.signal]))) {
        received += chunk.byteLength;
        yield chunk;
      }
    } catch (error) {
      if (!slow.signal.aborted || signal.aborted) throw error;
      const message = `Fewer than ${bytesMin} bytes came of a download in ${spanMs / 1000} s.`;
      throw new ReleaseError('RELEASE_TOO_SLOW', message, error);
    } finally {
      timer.cancel();
    }
  };
}
