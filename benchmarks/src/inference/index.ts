/** Requests a second and their latencies over HTTP, beside MLServer, and what ONNX Runtime alone would take. */
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type Benchmark, type Figure, median, rounded } from '../figure.js';
import { besideTraining } from './beside-training.js';
import type { LoadInput, LoadResult } from './load.js';
import { forms, inputName, modelPath, writeModels } from './models.js';
import { type MeasuredServer, startAgentServer, startMlserver } from './servers.js';

const elements = 784;

export const inference: Benchmark = {
  summary: '2NN over HTTP, 784 numbers a request as JSON: requests a second, latency, memory',
  options: [
    '--connections N      only so many at once (again for more); 1, 16 and 64 otherwise',
    '--form NAME          only f32 or int8 (again for more)',
    '--seconds S          of each measurement; 2 otherwise',
    '--repetitions N      of which the median is taken; 3 otherwise',
    '--while-training     only how long answers take while the same device trains, against idle',
  ],
  async *run({ args, note }) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        connections: { type: 'string', multiple: true, default: ['1', '16', '64'] },
        form: { type: 'string', multiple: true, default: [...forms] },
        seconds: { type: 'string', default: '2' },
        repetitions: { type: 'string', default: '3' },
        'while-training': { type: 'boolean', default: false },
      },
    });
    const folder = await mkdtemp(join(tmpdir(), 'starling-bench-'));
    const servers: MeasuredServer[] = [];
    try {
      await writeModels(join(folder, 'models'));
      for (const form of forms.filter((form) => values.form.includes(form))) {
        const bareMs = await bareRun(modelPath(join(folder, 'models'), form));
        yield { ...common, case: form, metric: 'bareRunLimit', unit: 'ms', value: rounded(bareMs) };
      }
      const batching = await startAgentServer(folder, 64);
      servers.push(batching);
      const measureMs = Number(values.seconds) * 1000;
      for (const form of values.form) {
        note(`${form}, beside training …`);
        const setting = { form, connections: 1, measureMs };
        yield* besideTraining(() => load(batching, setting), form, Number(values.repetitions));
      }
      if (values['while-training']) return;
      const single = await startAgentServer(folder, 1);
      servers.push(single);
      const peer = await startMlserver(folder);
      if (peer === undefined) note('MLServer: not installed');
      else servers.push(peer);
      for (const form of values.form) {
        for (const connections of values.connections.map(Number)) {
          note(`${form}, ${connections} connections …`);
          const setting = { form, connections, measureMs: Number(values.seconds) * 1000 };
          yield* measure(setting, { batching, single, peer }, Number(values.repetitions));
        }
      }
      const bytes = await batching.residentBytes();
      yield {
        ...common,
        case: 'both models',
        metric: 'residentMemory',
        unit: 'MB',
        value: rounded(bytes / 1e6),
      };
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
      await rm(folder, { recursive: true, force: true });
    }
  },
};

const common = { benchmark: 'inference' };

interface Setting {
  readonly form: string;
  readonly connections: number;
  readonly measureMs: number;
}

interface Contenders {
  readonly batching: MeasuredServer;
  readonly single: MeasuredServer;
  readonly peer: MeasuredServer | undefined;
}

/** One after the other, in turns: the load and its server have the machine to themselves. */
async function* measure(
  setting: Setting,
  { batching, single, peer }: Contenders,
  repetitions: number,
): AsyncGenerator<Figure> {
  const contenders = [batching, single, ...(peer === undefined ? [] : [peer])];
  const results = new Map(contenders.map((contender) => [contender, [] as LoadResult[]]));
  for (let repetition = 0; repetition < repetitions; repetition++) {
    for (const contender of contenders) results.get(contender)?.push(await load(contender, setting));
  }
  const figure = (contender: MeasuredServer, key: keyof LoadResult): number =>
    median((results.get(contender) ?? []).map((result) => result[key]));
  const { form, connections } = setting;
  for (const [contender, batch] of [
    [batching, 'batching'],
    [single, 'no batching'],
  ] as const) {
    const what = { ...common, case: `${form}, ${connections} connections, ${batch}` };
    const beside = (key: keyof LoadResult, higherIsBetter: boolean): Partial<Figure> => {
      if (peer === undefined) return {};
      const [ours, theirs] = [figure(contender, key), figure(peer, key)];
      const ratio = rounded(higherIsBetter ? ours / theirs : theirs / ours);
      return { peer: peer.name, peerValue: rounded(theirs), ratio };
    };
    yield {
      ...what,
      metric: 'throughput',
      unit: 'requests/s',
      value: rounded(figure(contender, 'requestsPerSecond')),
      ...beside('requestsPerSecond', true),
    };
    for (const key of ['p50Ms', 'p99Ms'] as const) {
      yield {
        ...what,
        metric: key.replace('Ms', ''),
        unit: 'ms',
        value: rounded(figure(contender, key)),
        ...beside(key, false),
      };
    }
  }
}

function load(server: MeasuredServer, { form, connections, measureMs }: Setting): Promise<LoadResult> {
  const input: LoadInput = {
    port: server.port,
    path: `/v2/models/2nn-${form}/infer`,
    input: inputName,
    elements,
    connections,
    warmUpMs: 500,
    measureMs,
  };
  const script = fileURLToPath(new URL('./load.js', import.meta.url));
  return new Promise((settle, reject) => {
    const child = spawn(process.execPath, [script, JSON.stringify(input)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let text = '';
    child.stdout.on('data', (chunk) => {
      text += chunk;
    });
    child.once('error', reject);
    child.once('close', (code) =>
      code === 0 ? settle(JSON.parse(text)) : reject(new Error(`the load ended with code ${code}`)),
    );
  });
}

/** Milliseconds of one run of one example, with nothing around it. */
async function bareRun(path: string): Promise<number> {
  const session = await InferenceSession.create(await readFile(path), { intraOpNumThreads: 1 });
  const feeds = { [inputName]: new Tensor('float32', new Float32Array(elements).fill(0.5), [1, elements]) };
  const times: number[] = [];
  for (let run = 0; run < 2000; run++) {
    const startMs = performance.now();
    await session.run(feeds);
    times.push(performance.now() - startMs);
  }
  await session.release();
  return median(times.slice(500));
}
