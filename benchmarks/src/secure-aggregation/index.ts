/** Whole rounds of secure aggregation, all clients and the coordinator on this machine. */
import { parseArgs } from 'node:util';
import { type Benchmark, type Figure, median, rounded } from '../figure.js';
import { simulateFlower, startFlower } from './peer.js';
import { createFleet, type RoundTimes, secureRound } from './round.js';
import type { Setting } from './setting.js';
import { startThreads, type Threads } from './threads.js';

/** Flower takes seconds a client beyond this: its round would be all there is to wait for. */
const peerClientsMaximum = 100;

export const secureAggregation: Benchmark = {
  summary: 'whole rounds of secure aggregation beside the plain round and Flower SecAgg+',
  options: [
    '--clients N          50 otherwise',
    '--parameters N       200000 otherwise',
    '--bits N             of the encoding; 8 otherwise',
    '--no-rotation        without the Hadamard rotation',
    '--dropouts N         clients that fall silent after they shared keys; 0 otherwise',
    '--threads N          that the clients share; 2 otherwise',
    '--repetitions N      of which the median is taken; 3 otherwise',
    '--no-peer            without Flower',
    '--limit SECONDS      ends with an error, and what was reached, after that; 600 otherwise',
  ],
  // Each thread has a processor of its own: helpers that collect its garbage would only take the others' time. There is
  // much of it, for Node gives every piece of a key stream a buffer of its own: 400 MB a round of 50 clients.
  nodeOptions: ['--single-threaded-gc'],
  async *run({ args, note }) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        clients: { type: 'string', default: '50' },
        parameters: { type: 'string', default: '200000' },
        bits: { type: 'string', default: '8' },
        'no-rotation': { type: 'boolean', default: false },
        dropouts: { type: 'string', default: '0' },
        threads: { type: 'string', default: '2' },
        repetitions: { type: 'string', default: '3' },
        'no-peer': { type: 'boolean', default: false },
        limit: { type: 'string', default: '600' },
      },
    });
    const limit = Number(values.limit);
    if (!(limit > 0 && limit <= 86_400))
      throw new Error(`--limit must be in (0, 86400], got ${values.limit}`);
    const setting: Setting = {
      clients: Number(values.clients),
      parameters: Number(values.parameters),
      bits: Number(values.bits),
      rotation: !values['no-rotation'],
      dropouts: Number(values.dropouts),
      threads: Number(values.threads),
    };
    const threads = startThreads(setting.threads);
    const progress = reporting(note);
    const timer = setTimeout(() => {
      process.stderr.write(`not done after ${limit} s; reached: ${progress.reached()}\n`);
      process.exit(1);
    }, limit * 1_000);
    try {
      yield* measure(setting, threads, Number(values.repetitions), !values['no-peer'], progress);
    } finally {
      clearTimeout(timer);
      await threads.close();
    }
  },
};

interface Progress {
  readonly note: (text: string) => void;
  /** For rounds: says how long each stage took when it lasted long enough for somebody to wonder. */
  readonly stage: (name: string, milliseconds: number) => void;
  readonly reached: () => string;
}

const longMilliseconds = 2_000;

function reporting(note: (text: string) => void): Progress {
  let reached = 'nothing';
  return {
    note,
    stage(name, milliseconds) {
      reached = name;
      if (milliseconds >= longMilliseconds) note(`${name}: ${(milliseconds / 1_000).toFixed(1)} s`);
    },
    reached: () => reached,
  };
}

async function* measure(
  setting: Setting,
  threads: Threads,
  repetitions: number,
  withPeer: boolean,
  { note, stage }: Progress,
): AsyncGenerator<Figure> {
  const fleet = await createFleet(setting, threads);
  const peer = withPeer && setting.clients <= peerClientsMaximum ? await startFlower(setting) : undefined;
  if (withPeer && peer === undefined) note('Flower: not installed, or too slow for so many clients');
  const rounds: RoundTimes[] = [];
  const plain: number[] = [];
  const peerTimes: number[] = [];
  const streams: number[] = [];
  const maskings: number[] = [];
  // The first round compiles; where one takes minutes that does not matter.
  if (repetitions > 1) await secureRound(fleet, stage);
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const times = await secureRound(fleet, stage);
    rounds.push(times);
    const masks = times.masksPerClient;
    const answers = await threads.ask('keyStream', () => ({ kind: 'keyStream', masks }));
    streams.push(median(answers.map(({ milliseconds }) => milliseconds)));
    maskings.push(median(answers.map(({ milliseconds, masking }) => masking / milliseconds)));
    const start = performance.now();
    await threads.ask('plain', () => ({ kind: 'plain' }));
    plain.push(performance.now() - start);
    if (peer !== undefined) peerTimes.push(await peer.measure());
  }
  await peer?.close();
  const simulated = peer === undefined ? undefined : await simulateFlower(setting, repetitions);
  if (peer !== undefined && simulated === undefined) note("Flower's simulation: not installed");
  const survivors = setting.clients - setting.dropouts;
  const keyStream = (survivors * median(streams)) / setting.threads;

  const common = {
    benchmark: 'secure-aggregation',
    case: `${setting.clients}x${setting.parameters}`,
    threads: setting.threads,
  };
  const of = (value: (times: RoundTimes) => number): number => median(rounds.map(value));
  const figure = (metric: string, value: number, unit = 'ms'): Figure => ({
    ...common,
    metric,
    unit,
    value: rounded(value),
  });
  const beside = (ours: Figure, name: string | undefined, theirs: readonly number[]): Figure => {
    if (name === undefined) return ours;
    const peerValue = median(theirs);
    return { ...ours, peer: name, peerValue: rounded(peerValue), ratio: rounded(peerValue / ours.value) };
  };
  const time = of(({ round }) => round);
  yield beside(figure('roundTime', time), simulated?.name, simulated?.rounds ?? []);
  const processor = of((times) => times.processor);
  yield beside(figure('roundProcessorTime', processor), peer?.name, peerTimes);
  yield figure('plainRoundTime', median(plain));
  for (const stage of ['keys', 'shares', 'updates', 'signatures', 'reveals', 'unmask'] as const) {
    yield figure(
      `${stage}StageTime`,
      of(({ stages }) => stages[stage]),
    );
  }
  // Of the updates' stage, spread over the threads.
  for (const part of ['agreeing', 'encoding', 'masking', 'folding'] as const) {
    yield figure(`${part}Time`, of((times) => times[part]) / setting.threads);
  }
  yield figure('keyStreamLimit', keyStream);
  yield figure('maskingOverKeyStream', median(maskings), 'times');
  yield figure('keyStreamShare', (100 * keyStream) / time, '%');
  yield figure('uploadPerParameter', 8 * of(({ bytesPerParameter }) => bytesPerParameter), 'bits');
  yield figure('peakMemory', process.resourceUsage().maxRSS / 1024, 'MiB');
}
