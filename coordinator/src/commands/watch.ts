import { type Run, StarlingError } from '@starling/proto';
import type { Remote } from './connection.js';
import { exitCodes } from './exit-codes.js';
import { createRunView, styleFor } from './run-view.js';
import { remark, type Terminal } from './terminal.js';

/** How long a coordinator that is away is left alone before it is asked again. */
const askAgainMs = 500;

/**
 * Shows the run until it ends or the user has seen enough; gives the exit code. A coordinator that goes away is waited
 * for, and what happened meanwhile is shown: no event twice, and none left out.
 */
export async function watchRun(remote: Remote, run: Run, terminal: Terminal, json: boolean): Promise<number> {
  const { signal } = terminal;
  const view = createRunView(terminal, styleFor(terminal, json), run.roundsTarget);
  let afterSequence = 0;
  let isAway = false;
  let ended = view.progress.ended;
  try {
    while (ended === undefined) {
      try {
        const request = { runId: run.runId, afterSequence };
        for await (const { event } of remote.operations.watchRun(request, { signal })) {
          if (event === undefined) continue;
          if (isAway) remark(terminal, 'The coordinator is back.');
          isAway = false;
          afterSequence = event.sequence;
          view.show(event);
        }
      } catch (error) {
        signal.throwIfAborted();
        if (!isGone(error)) throw error;
      }
      ended = view.progress.ended;
      if (ended !== undefined) break;
      if (!isAway) remark(terminal, `The coordinator at ${remote.address} is away: waiting for it …`);
      isAway = true;
      await pause(terminal, askAgainMs);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
    view.close();
    remark(
      terminal,
      `The run goes on. "starling run watch ${run.runId}" shows it again, "run stop" stops it.`,
    );
    return exitCodes.interrupted;
  } finally {
    view.close();
  }
  if (!json) remark(terminal, `Run ${run.runId} ${ended.state}: ${ended.reason}`);
  return ended.state === 'failed' ? exitCodes.runFailed : exitCodes.done;
}

/** Whether it is the coordinator that is missing, and not the run. */
function isGone(error: unknown): boolean {
  return error instanceof StarlingError && (error.status === 'unavailable' || error.status === 'cancelled');
}

/** Rejects with the signal's reason. */
function pause({ clock, signal }: Terminal, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      timer.cancel();
      reject(signal.reason);
    };
    const timer = clock.schedule(ms, () => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    });
    signal.addEventListener('abort', onAbort);
  });
}
