import { availableParallelism } from 'node:os';
import cliProgress from 'cli-progress';
import { SimulationError } from '../errors.js';
import { generateOperations } from '../faults/generate.js';
import { hunt } from '../faults/hunt.js';
import { mutations } from '../faults/mutations/mutations.js';
import { describeOperation } from '../faults/operation.js';
import type { SeedReport } from '../faults/worker-process.js';
import { drawsBars, printLine, remark, type Terminal } from './terminal.js';

export interface FaultsArguments {
  /** The first seed. */
  readonly seed: number;
  readonly seeds: number;
  readonly minutes: number | undefined;
  readonly only: string | undefined;
  readonly workers: number | undefined;
  readonly json: boolean;
}

/** Gives whether every rule held in every seed. */
export async function faultsCommand(args: FaultsArguments, terminal: Terminal): Promise<boolean> {
  const { seed, seeds } = args;
  if (
    !(Number.isInteger(seed) && seed >= 0 && Number.isInteger(seeds) && seeds >= 1 && seed + seeds <= 2 ** 32)
  ) {
    throw new SimulationError(
      'simulation/usage',
      '--seed and --seeds are whole numbers, from 0 and from 1 on.',
    );
  }
  if (args.minutes !== undefined && !(args.minutes > 0)) {
    throw new SimulationError('simulation/usage', '--minutes must be above 0, for instance 10.');
  }
  if (args.only !== undefined) return replay(seed, args.only, args, terminal);
  const { clock, signal } = terminal;
  const startedMs = clock.monotonic();
  const ending = new AbortController();
  const end = (): void => ending.abort();
  signal.addEventListener('abort', end, { once: true });
  const timeIsUp = args.minutes === undefined ? undefined : clock.schedule(args.minutes * 60_000, end);
  const progress = progressOf(args, terminal);
  const seen: Record<string, number> = {};
  let done = 0;
  let virtualMs = 0;
  try {
    const failed = await hunt({
      firstSeed: seed,
      count: seeds,
      workers: args.workers ?? availableParallelism(),
      shrinks: true,
      signal: ending.signal,
      onSeed(report) {
        done += 1;
        virtualMs += report.virtualMs;
        for (const [what, times] of Object.entries(report.seen)) seen[what] = (seen[what] ?? 0) + times;
        progress.show(done);
      },
    });
    progress.close();
    const seconds = (clock.monotonic() - startedMs) / 1000;
    const summary = {
      firstSeed: seed,
      seeds: done,
      seconds: Number(seconds.toFixed(1)),
      virtualHours: hours(virtualMs),
    };
    if (args.json)
      printLine(terminal, JSON.stringify({ ...summary, seen, ...(failed && { failed: failureOf(failed) }) }));
    else {
      const rate = Math.round((done / seconds) * 60);
      printLine(
        terminal,
        `${done} seeds in ${seconds.toFixed(1)} s (${rate} a minute), ${summary.virtualHours} virtual hours, ` +
          `${seen['round-committed'] ?? 0} rounds committed, ${seen['round-abandoned'] ?? 0} abandoned: ` +
          (failed === undefined ? 'every rule held.' : 'a rule did not hold.'),
      );
      if (failed !== undefined) printFailure(failed, terminal);
    }
    return failed === undefined;
  } finally {
    progress.close();
    timeIsUp?.cancel();
    signal.removeEventListener('abort', end);
  }
}

/** Gives whether each deliberate bug was caught. */
export async function mutationsCommand(
  args: FaultsArguments,
  list: string,
  terminal: Terminal,
): Promise<boolean> {
  const { checkMutations } = await import('../faults/mutations/check.js');
  const names = list === '' ? [] : list.split(',');
  const unknown = names.find((name) => !mutations.some((mutation) => mutation.name === name));
  if (unknown !== undefined) {
    const known = mutations.map(({ name }) => name).join(', ');
    throw new SimulationError('simulation/usage', `There is no mutation ${unknown}; there are ${known}.`);
  }
  const workers = args.workers ?? availableParallelism();
  let all = true;
  for await (const { mutation, by } of checkMutations({
    names,
    seeds: args.seeds,
    workers,
    signal: terminal.signal,
  })) {
    all &&= by !== undefined;
    const { name, what } = mutation;
    if (args.json)
      printLine(terminal, JSON.stringify({ mutation: name, what, caught: by !== undefined, ...by }));
    else {
      const how =
        by === undefined ? `NOT in ${args.seeds} seeds` : `by rule "${by.checker}" at seed ${by.seed}`;
      printLine(terminal, `${name.padEnd(30)} ${how.padEnd(36)} ${what}`);
    }
  }
  return all;
}

async function replay(
  seed: number,
  only: string,
  { json }: FaultsArguments,
  terminal: Terminal,
): Promise<boolean> {
  const count = generateOperations(seed).length;
  const places = only.split(',').map(Number);
  if (!places.every((place) => Number.isInteger(place) && place >= 0 && place < count)) {
    throw new SimulationError(
      'simulation/usage',
      `--only takes places of the operations of seed ${seed}, 0 to ${count - 1}: ${only} is none.`,
    );
  }
  // It puts simulated disks beneath the file system calls of its process: loaded for this alone.
  const { replaySeed } = await import('../faults/replay.js');
  const result = await replaySeed(seed, places);
  const report: SeedReport = { ...result, only: places };
  if (json) printLine(terminal, JSON.stringify(result.violation === undefined ? result : failureOf(report)));
  else if (result.violation === undefined)
    printLine(terminal, `Seed ${seed} with these operations: every rule held.`);
  else printFailure(report, terminal);
  return result.violation === undefined;
}

const hours = (ms: number): number => Number((ms / 3_600_000).toFixed(1));

function failureOf({ seed, violation, only }: SeedReport) {
  const operations = generateOperations(seed);
  return {
    seed,
    ...violation,
    operations: (only ?? operations.map((_, index) => index)).map((index) => operations[index]),
    replay: commandOf(seed, only),
  };
}

function commandOf(seed: number, only: readonly number[] | undefined): string {
  return `starling-sim faults --seed ${seed} ${only === undefined ? '--seeds 1' : `--only ${only.join(',')}`}`;
}

function printFailure({ seed, violation, only }: SeedReport, terminal: Terminal): void {
  if (violation === undefined) return;
  printLine(
    terminal,
    `Seed ${seed}, rule "${violation.checker}", after ${(violation.atMs / 1000).toFixed(1)} s: ${violation.message}`,
  );
  const operations = generateOperations(seed);
  for (const index of only ?? operations.map((_, place) => place)) {
    printLine(terminal, `  ${describeOperation(operations[index])}`);
  }
  printLine(terminal, `Replay it: ${commandOf(seed, only)}`);
}

const lineEveryMs = 5_000;

function progressOf({ json, seeds }: FaultsArguments, terminal: Terminal) {
  if (json) return { show: () => undefined, close: () => undefined };
  if (!drawsBars(terminal)) {
    let shownAt = terminal.clock.monotonic();
    return {
      show(done: number) {
        const now = terminal.clock.monotonic();
        if (now - shownAt < lineEveryMs) return;
        shownAt = now;
        remark(terminal, `${done} of ${seeds} seeds`);
      },
      close: () => undefined,
    };
  }
  const bar = new cliProgress.SingleBar(
    {
      stream: terminal.err,
      hideCursor: true,
      gracefulExit: false,
      format: ' faults  {bar} {value}/{total} seeds  {duration_formatted}, {eta_formatted} left',
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(seeds, 0);
  return { show: (done: number) => bar.update(done), close: () => bar.stop() };
}
