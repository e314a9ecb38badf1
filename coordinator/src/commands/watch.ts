import { type Run, StarlingError } from '@starling/proto';
import type { Remote } from './connection.js';
import { exitCodes } from './exit-codes.js';
import { createRunView, styleFor } from './run-view.js';
import { remark, type Terminal } from './terminal.js';

/** Shows the run until it ends or the user has seen enough; gives the exit code. */
export async function watchRun(remote: Remote, run: Run, terminal: Terminal, json: boolean): Promise<number> {
  const view = createRunView(terminal, styleFor(terminal, json), run.roundsTarget);
  const request = { runId: run.runId, afterSequence: 0 };
  try {
    for await (const { event } of remote.operations.watchRun(request, { signal: terminal.signal })) {
      if (event) view.show(event);
    }
  } catch (error) {
    if (!terminal.signal.aborted) throw error;
    view.close();
    remark(
      terminal,
      `The run goes on. "starling run watch ${run.runId}" shows it again, "run stop" stops it.`,
    );
    return exitCodes.interrupted;
  } finally {
    view.close();
  }
  const { ended } = view.progress;
  if (ended === undefined) {
    throw new StarlingError({
      code: 'WATCH_ENDED',
      status: 'unavailable',
      message: `The coordinator ended the events of run ${run.runId} before the run ended.`,
      remedy: 'Watch it again once the coordinator is back.',
    });
  }
  if (!json) remark(terminal, `Run ${run.runId} ${ended.state}: ${ended.reason}`);
  return ended.state === 'failed' ? exitCodes.runFailed : exitCodes.done;
}
