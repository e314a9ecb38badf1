/** Many seeds, shared among processes. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { SimulationError } from '../errors.js';
import type { HuntShare, SeedReport } from './worker-process.js';

export interface HuntOptions {
  readonly firstSeed: number;
  /** Of seeds. */
  readonly count: number;
  readonly workers: number;
  readonly shrinks: boolean;
  /** Modules that each process loads first; see `mutations`. */
  readonly preload?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly signal: AbortSignal;
  readonly onSeed: (report: SeedReport) => void;
}

/**
 * Seeds that one process runs before another takes its place: of each, Node.js keeps signals that somebody waited for, and with
 * them half a megabyte of a world that has ended.
 */
const seedsOfProcess = 500;

/** Resolves with the failure of the least seed once every process came to it, or with `undefined`. */
export async function hunt(options: HuntOptions): Promise<SeedReport | undefined> {
  const { firstSeed, count, shrinks, signal, onSeed } = options;
  const end = firstSeed + count;
  const stride = Math.min(options.workers, count);
  let failed: SeedReport | undefined;
  const running = new Set<RunningShare>();
  const onReport = (report: SeedReport): void => {
    onSeed(report);
    if (report.violation !== undefined && (failed === undefined || report.seed < failed.seed))
      failed = report;
    // A process that is past the failure finds no lesser one.
    if (failed !== undefined) for (const each of running) if (each.at() >= failed.seed) each.end();
  };
  const lane = async (index: number): Promise<void> => {
    const step = stride * seedsOfProcess;
    for (let first = firstSeed + index; first < end; first += step) {
      if (signal.aborted || (failed !== undefined && first >= failed.seed)) return;
      const share = startShare(
        { first, stride, end: Math.min(end, first + step), shrinks },
        options,
        onReport,
      );
      running.add(share);
      await share.done;
      running.delete(share);
    }
  };
  const endAll = (): void => {
    for (const share of running) share.end();
  };
  signal.addEventListener('abort', endAll, { once: true });
  try {
    await Promise.all(Array.from({ length: stride }, (_, index) => lane(index)));
  } finally {
    endAll();
    signal.removeEventListener('abort', endAll);
  }
  return failed;
}

/** A process that runs a share. */
interface RunningShare {
  readonly done: Promise<void>;
  /** The seed it has come to. */
  at(): number;
  end(): void;
}

function startShare(
  share: HuntShare,
  { preload, env }: Pick<HuntOptions, 'preload' | 'env'>,
  onReport: (report: SeedReport) => void,
): RunningShare {
  const child = fork(fileURLToPath(new URL('./worker-process.js', import.meta.url)), [], {
    // What lives for one seed dies young, where there is room to: a fifth less processor time.
    execArgv: ['--max-semi-space-size=64', ...(preload === undefined ? [] : ['--import', preload])],
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  child.send(share);
  let at = share.first;
  const done = new Promise<void>((resolve, reject) => {
    child.on('message', (report: SeedReport) => {
      at = report.seed;
      onReport(report);
    });
    child.on('error', reject);
    child.on('exit', (code, killedBy) => {
      if (code === 0 || killedBy === 'SIGTERM') resolve();
      else
        reject(
          new SimulationError(
            'simulation/worker',
            `A process of the hunt ended at about seed ${at} (${killedBy ?? `exit code ${code}`}).`,
            `Run that seed alone: starling-sim faults --seed ${at} --seeds 1.`,
          ),
        );
    });
  });
  return { done, at: () => at, end: () => void child.kill('SIGTERM') };
}
