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
  ],
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
      },
    });
    const setting: Setting = {
      clients: Number(values.clients),
      parameters: Number(values.parameters),
      bits: Number(values.bits),
      rotation: !values['no-rotation'],
      dropouts: Number(values.dropouts),
      threads: Number(values.threads),
    };
    const threads = startThreads(setting.threads);
    try {
      yield* measure(setting, threads, Number(values.repetitions), !values['no-peer'], note);
    } finally {
      await threads.close();
    }
  },
};

async function* measure(
  setting: Setting,
  threads: Threads,
  repetitions: number,
  withPeer: boolean,
  note: (text: string) => void,
): AsyncGenerator<Figure> {
  const fleet = await createFleet(setting, threads);
  const peer = withPeer && setting.clients <= peerClientsMaximum ? await startFlower(setting) : undefined;
  if (withPeer && peer === undefined) note('Flower: not installed, or too slow for so many clients');
  const rounds: RoundTimes[] = [];
  const plain: number[] = [];
  const peerTimes: number[] = [];
  const streams: number[] = [];
  // The first round compiles; where one takes minutes that does not matter.
  if (repetitions > 1) await secureRound(fleet);
  for (let repetition = 0; repetition < repetitions; repetition += 1) {
    const times = await secureRound(fleet);
    rounds.push(times);
    const masks = times.masksPerClient;
    const answers = await threads.ask('keyStream', () => ({ kind: 'keyStream', masks }));
    streams.push(median(answers.map(({ milliseconds }) => milliseconds)));
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
  yield figure('maskingOverKeyStream', of(({ masking }) => masking) / setting.threads / keyStream, 'times');
  yield figure('keyStreamShare', (100 * keyStream) / time, '%');
  yield figure('uploadPerParameter', 8 * of(({ bytesPerParameter }) => bytesPerParameter), 'bits');
  yield figure('peakMemory', process.resourceUsage().maxRSS / 1024, 'MiB');
}
