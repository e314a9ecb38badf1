/** `starling run start|list|watch|stop|resume`. */
import { requireField } from '@starling/proto';
import { withCoordinator } from './connection.js';
import { exitCodes } from './exit-codes.js';
import {
  bestMetric,
  describeRun,
  formatBytes,
  formatMetric,
  formatTable,
  formatTime,
  runJson,
} from './format.js';
import type { ClientArguments } from './task.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';
import { watchRun } from './watch.js';

export interface StartArguments extends ClientArguments {
  readonly task: string;
  readonly seed: number | undefined;
  readonly rounds: number | undefined;
  readonly watch: boolean;
}

export async function startRun(args: StartArguments, terminal: Terminal): Promise<number> {
  return withCoordinator(args.coordinator, async (remote) => {
    const request = { taskName: args.task, seed: args.seed, rounds: args.rounds };
    const response = await remote.operations.startRun(request, { signal: terminal.signal });
    const run = requireField(response.run, 'StartRunResponse.run');
    if (args.json) printJson(terminal, runJson(run));
    else printLine(terminal, run.runId);
    if (args.watch) return watchRun(remote, run, terminal, args.json);
    if (!args.json) remark(terminal, `"starling run watch ${run.runId}" shows how it goes.`);
    return exitCodes.done;
  });
}

export async function listRuns(task: string | undefined, args: ClientArguments, terminal: Terminal) {
  await withCoordinator(args.coordinator, async ({ operations }) => {
    const { runs } = await operations.listRuns({ taskName: task ?? '' }, { signal: terminal.signal });
    if (args.json) return printJson(terminal, { runs: runs.map(runJson) });
    if (runs.length === 0) {
      const which = task === undefined ? 'runs' : `runs of task ${task}`;
      return printLine(terminal, `There are no ${which}. "starling run start TASK" starts one.`);
    }
    const head = ['RUN', 'TASK', 'STATE', 'ROUNDS', 'ACCURACY', 'LOSS', 'UPLOADED', 'STARTED (UTC)'];
    const rows = runs.map((run) => {
      const metric = (name: string): string => {
        const found = bestMetric(run.metrics, name);
        return found ? formatMetric(found.value) : '–';
      };
      return [
        run.runId,
        `${run.taskName} v${run.taskVersion}`,
        run.state,
        `${run.roundsCommitted}/${run.roundsTarget}`,
        metric('accuracy'),
        metric('loss'),
        formatBytes(run.bytesUploaded),
        formatTime(run.startedAtMs),
      ];
    });
    printLine(terminal, formatTable(head, rows));
  });
}

export async function watchRunById(
  runId: string,
  args: ClientArguments,
  terminal: Terminal,
): Promise<number> {
  return withCoordinator(args.coordinator, async (remote) => {
    const { run } = await remote.operations.getRun({ runId }, { signal: terminal.signal });
    return watchRun(remote, requireField(run, 'GetRunResponse.run'), terminal, args.json);
  });
}

export async function stopRun(runId: string, args: ClientArguments, terminal: Terminal) {
  await withCoordinator(args.coordinator, async ({ operations }) => {
    const { run } = await operations.stopRun({ runId }, { signal: terminal.signal });
    const stopped = requireField(run, 'StopRunResponse.run');
    if (args.json) return printJson(terminal, runJson(stopped));
    printLine(terminal, `${describeRun(stopped)}\n"starling run resume ${runId}" goes on with it.`);
  });
}

export interface ResumeArguments extends ClientArguments {
  readonly runId: string;
  readonly rounds: number | undefined;
  readonly watch: boolean;
}

export async function resumeRun(args: ResumeArguments, terminal: Terminal): Promise<number> {
  return withCoordinator(args.coordinator, async (remote) => {
    const request = { runId: args.runId, rounds: args.rounds };
    const response = await remote.operations.resumeRun(request, { signal: terminal.signal });
    const run = requireField(response.run, 'ResumeRunResponse.run');
    if (args.json) printJson(terminal, runJson(run));
    else printLine(terminal, describeRun(run));
    return args.watch ? watchRun(remote, run, terminal, args.json) : exitCodes.done;
  });
}
