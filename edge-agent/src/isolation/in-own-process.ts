/** The other side of `own-process.ts`: a process that does what it is told, one thing after the other, and ends with its agent. */
import { writeFileSync } from 'node:fs';
import type { Failed } from './own-process.js';

/** Gives what says something to the agent. */
export function serveAgent<To, From>(
  handle: (message: To) => Promise<void>,
): (message: From | Failed) => void {
  const say = (message: From | Failed): void => void process.send?.(message);
  // Where the device runs out of memory, this process goes, and not what serves. It takes no right to go first.
  try {
    writeFileSync('/proc/self/oom_score_adj', '1000');
  } catch {
    // Another operating system.
  }
  // Its agent says when it ends: a terminal or a supervisor signals both at once, and an end here would be taken for a crash.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {});
  process.once('disconnect', () => process.exit(0));
  // It may have ended while this one started, when nobody was there to hear of it.
  if (!process.connected) process.exit(0);
  process.on('message', (message: To) => {
    handle(message).catch((error: unknown) => {
      const known = error instanceof Error ? error : new Error(String(error));
      const code = 'code' in known && typeof known.code === 'string' ? known.code : undefined;
      say({ kind: 'failed', name: known.name, code, message: known.message });
    });
  });
  return say;
}
