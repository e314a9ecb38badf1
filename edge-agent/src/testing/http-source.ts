/** Examples and labels over HTTP, for a test: where to send them, and what went wrong within. */
import { onTestFinished } from 'vitest';
import { systemClock } from '../adapters/system-clock.js';
import type { Recorder } from '../examples/recorder.js';
import { openHttpSource } from '../examples/sources/http.js';

export async function testHttpSource(recorder: Recorder) {
  const internal: unknown[] = [];
  const { address, close } = await openHttpSource({
    host: '127.0.0.1',
    port: 0,
    clock: systemClock(),
    recorders: new Map([['t', recorder]]),
    onInternalError: (error) => internal.push(error),
  });
  onTestFinished(() => close());
  return { address, internal };
}
