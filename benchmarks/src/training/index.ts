/** Milliseconds a training step, beside what people would train with instead. */
import { parseArgs } from 'node:util';
import { type Benchmark, type Figure, median, rounded } from '../figure.js';
import type { Contender, Setting } from './contender.js';
import { trainingCases } from './models/index.js';
import { peerCommands, startPeer } from './peer.js';
import { bareOnnxRuntime, starling } from './starling.js';

const batchSize = 20;
const epochStepsMax = 100;

export const training: Benchmark = {
  summary: 'milliseconds a training step through plan and runtime, batch 20, shuffled, SGD',
  options: [
    `--case NAME          only this model (again for more): ${Object.keys(trainingCases).join(', ')}`,
    '--threads N          only this number of threads (again for more); 1 and 2 otherwise',
    '--repetitions N      of which the median is taken; 9 otherwise',
  ],
  async *run({ args, note }) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        case: { type: 'string', multiple: true, default: Object.keys(trainingCases) },
        threads: { type: 'string', multiple: true, default: ['1', '2'] },
        repetitions: { type: 'string', default: '9' },
      },
    });
    for (const model of values.case) {
      if (!Object.hasOwn(trainingCases, model)) throw new Error(`there is no case "${model}"; see --help`);
      for (const threads of values.threads.map(Number)) {
        const exampleCount = Math.min(trainingCases[model].steps, epochStepsMax) * batchSize;
        const setting = { model, threads, batchSize, exampleCount };
        yield* measureSetting(setting, Number(values.repetitions), note);
      }
    }
  },
};

async function* measureSetting(
  setting: Setting,
  repetitions: number,
  note: (text: string) => void,
): AsyncGenerator<Figure> {
  const peers: Contender[] = [];
  for (const command of peerCommands) {
    const peer = await startPeer(command, setting);
    if (peer === undefined) note(`${command.label}: not installed, or not what ${setting.model} takes`);
    else peers.push(peer);
  }
  const ours = await starling(setting);
  const bare = await bareOnnxRuntime(setting);
  const contenders = [ours, bare, ...peers];
  const times = new Map(contenders.map((contender) => [contender, [] as number[]]));
  const steps = trainingCases[setting.model].steps;
  for (const contender of contenders) await contender.measure(steps);
  // Alternating, so that whatever else the machine does hits all of them alike.
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const contender of contenders) times.get(contender)?.push(await contender.measure(steps));
  }
  for (const contender of contenders) await contender.close();

  const timeOf = (contender: Contender): number => median(times.get(contender) ?? []);
  const common = { benchmark: 'training', case: setting.model, threads: setting.threads, unit: 'ms' };
  const value = timeOf(ours);
  if (peers.length === 0) yield { ...common, metric: 'stepTime', value: rounded(value) };
  for (const peer of peers) {
    const peerValue = timeOf(peer);
    yield {
      ...common,
      metric: 'stepTime',
      value: rounded(value),
      peer: peer.name,
      peerValue: rounded(peerValue),
      ratio: rounded(peerValue / value),
    };
  }
  yield { ...common, metric: 'bareOnnxRuntimeLimit', value: rounded(timeOf(bare)) };
}
