/** What it takes to compile a plan, to load it, and to hold it while it trains. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { compilePlan, onnxruntimeTraining } from '@starling/engine';
import { type Benchmark, type Figure, median, rounded } from '../figure.js';
import { fineTuningCases, trainingCases } from '../training/models/index.js';
import { planOptions } from './options.js';

const planCases = { ...trainingCases, ...fineTuningCases };

export const plan: Benchmark = {
  summary: 'compile time, load time, size and memory of the training plans',
  options: [
    `--case NAME          only this model (again for more): ${Object.keys(planCases).join(', ')}`,
    '--repetitions N      of which the median is taken; 5 otherwise',
  ],
  async *run({ args }) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        case: { type: 'string', multiple: true, default: Object.keys(planCases) },
        repetitions: { type: 'string', default: '5' },
      },
    });
    for (const name of values.case) {
      if (!Object.hasOwn(planCases, name)) throw new Error(`there is no case "${name}"; see --help`);
      yield* measure(name, Number(values.repetitions));
    }
  },
};

async function* measure(name: string, repetitions: number): AsyncGenerator<Figure> {
  const common = { benchmark: 'plan', case: name };
  const compileTimes: number[] = [];
  const loadTimes: number[] = [];
  let compiled = compilePlan(planCases[name].model(), planOptions);
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const start = performance.now();
    compiled = compilePlan(planCases[name].model(), planOptions);
    const between = performance.now();
    const session = await onnxruntimeTraining.load(compiled);
    compileTimes.push(between - start);
    loadTimes.push(performance.now() - between);
    await session.release();
  }
  const bytes = compiled.manifest.files.reduce((sum, file) => sum + file.bytes, 0);
  yield { ...common, metric: 'compileTime', unit: 'ms', value: rounded(median(compileTimes)) };
  yield { ...common, metric: 'loadTime', unit: 'ms', value: rounded(median(loadTimes)) };
  yield { ...common, metric: 'planSize', unit: 'bytes', value: bytes };
  const megabytes = (size: number): number => rounded(size / 1e6);
  yield { ...common, metric: 'memoryEstimate', unit: 'MB', value: megabytes(compiled.manifest.memoryBytes) };
  if (process.platform !== 'linux') return;
  const { grown, peak } = await memoryOf(name);
  yield { ...common, metric: 'memoryMeasured', unit: 'MB', value: megabytes(grown) };
  yield { ...common, metric: 'processPeak', unit: 'MB', value: megabytes(peak) };
}

/** Of a process of its own, for what one plan took stays with a process. */
async function memoryOf(name: string): Promise<{ readonly grown: number; readonly peak: number }> {
  const script = fileURLToPath(new URL('./memory-process.js', import.meta.url));
  const child = spawn(process.execPath, ['--expose-gc', script, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (part: Buffer) => {
    text += part.toString();
  });
  await new Promise((resolve) => child.once('close', resolve));
  const [grown, peak] = text.split(' ').map(Number);
  return { grown, peak };
}
