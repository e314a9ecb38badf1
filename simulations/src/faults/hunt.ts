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

/** Resolves with the failure of the least seed once every process came to it, or with `undefined`. */
export async function hunt(options: HuntOptions): Promise<SeedReport | undefined> {
  const { firstSeed, count, workers, signal, onSeed } = options;
  const end = firstSeed + count;
  let failed: SeedReport | undefined;
  const children = Array.from({ length: Math.min(workers, count) }, (_, index) => {
    const child = fork(fileURLToPath(new URL('./worker-process.js', import.meta.url)), [], {
      // What lives for one seed dies young, where there is room to: a fifth less processor time.
      execArgv: [
        '--max-semi-space-size=64',
        ...(options.preload === undefined ? [] : ['--import', options.preload]),
      ],
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const share: HuntShare = { first: firstSeed + index, stride: workers, end, shrinks: options.shrinks };
    child.send(share);
    let at = share.first;
    const done = new Promise<void>((resolve, reject) => {
      child.on('message', (report: SeedReport) => {
        at = report.seed;
        onSeed(report);
        if (report.violation !== undefined && (failed === undefined || report.seed < failed.seed)) {
          failed = report;
        }
        // A process that is past the failure finds no lesser one.
        if (failed !== undefined) for (const each of children) if (each.at() >= failed.seed) each.end();
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
  });
  const endAll = (): void => {
    for (const child of children) child.end();
  };
  signal.addEventListener('abort', endAll, { once: true });
  if (signal.aborted) endAll();
  try {
    await Promise.all(children.map(({ done }) => done));
  } finally {
    endAll();
    signal.removeEventListener('abort', endAll);
  }
  return failed;
}
