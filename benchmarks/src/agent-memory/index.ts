/** Resident memory of the agent's own process: waiting for work, in the process that enrolled, and serving a model. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { connectOperator } from '../coordinator/access.js';
import { startCoordinator } from '../coordinator/processes.js';
import { type Benchmark, type Figure, median, rounded } from '../figure.js';
import { inputName, writeModels } from '../inference/models.js';
import { type MeasuredAgent, startAgent } from './process.js';

const elements = 784;
const model = '2nn-int8';

export const agentMemory: Benchmark = {
  summary: 'Resident memory of an agent with telemetry: idle, just enrolled, and serving the 2NN in int8',
  options: [
    '--seconds S          after which it is looked at; 12 otherwise',
    '--requests N         that are answered before the last look; 500 otherwise',
    '--repetitions N      of which the median is taken; 1 otherwise',
  ],
  async *run({ args, note }) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        seconds: { type: 'string', default: '12' },
        requests: { type: 'string', default: '500' },
        repetitions: { type: 'string', default: '1' },
      },
    });
    const [repetitions, requests] = [Number(values.repetitions), Number(values.requests)];
    const settleMs = Number(values.seconds) * 1000;
    const folder = await mkdtemp(join(tmpdir(), 'starling-bench-'));
    const coordinator = await startCoordinator();
    const operator = await connectOperator(coordinator, repetitions);
    const seen = new Map<string, number[]>();
    /** Waits as long as an agent takes to settle, and looks. */
    const look = async (agent: MeasuredAgent, what: string): Promise<void> => {
      await setTimeout(settleMs);
      seen.set(what, [...(seen.get(what) ?? []), await agent.residentBytes()]);
    };
    try {
      await writeModels(join(folder, 'models'), [model]);
      for (let repetition = 0; repetition < repetitions; repetition++) {
        const config = join(folder, `agent-${repetition}.yaml`);
        const idle = {
          coordinator: coordinator.address,
          state: join(folder, `state-${repetition}`),
          deviceId: `device-${repetition}`,
          examples: { pump: folder },
        };
        const serving = { ...idle, inference: { models: join(folder, 'models'), http: '127.0.0.1:0' } };
        note('idle, in the process that enrolled …');
        await writeFile(config, JSON.stringify(idle));
        await during(startAgent(config, operator.access.token), (agent) =>
          look(agent, 'idle, just enrolled'),
        );
        note('idle, started again …');
        await during(startAgent(config), (agent) => look(agent, 'idle'));
        note('serving …');
        await writeFile(config, JSON.stringify(serving));
        await during(startAgent(config), async (agent) => {
          await look(agent, `serving ${model}`);
          await ask(await agent.httpAddress(), requests);
          await look(agent, `serving ${model}, after ${requests} requests`);
        });
      }
    } finally {
      operator.connection.close();
      await coordinator.stop();
      await rm(folder, { recursive: true, force: true });
    }
    for (const [what, bytes] of seen) yield figure(what, median(bytes));
  },
};

function figure(what: string, bytes: number): Figure {
  return {
    benchmark: 'agent-memory',
    case: what,
    metric: 'residentMemory',
    unit: 'MB',
    value: rounded(bytes / 1e6),
  };
}

async function during(
  started: Promise<MeasuredAgent>,
  work: (agent: MeasuredAgent) => Promise<void>,
): Promise<void> {
  const agent = await started;
  try {
    await work(agent);
  } finally {
    await agent.stop();
  }
}

/** One after the other, as JSON, the way a small client on the device asks. */
async function ask(address: string, requests: number): Promise<void> {
  const data = Array.from({ length: elements }, (_, index) => (index % 5 === 0 ? index / elements : 0));
  const inputs = [{ name: inputName, shape: [1, elements], datatype: 'FP32', data }];
  const body = JSON.stringify({ inputs });
  for (let request = 0; request < requests; request++) {
    const answer = await fetch(`http://${address}/v2/models/${model}/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    if (!answer.ok) throw new Error(`the agent answered ${answer.status}: ${await answer.text()}`);
    await answer.arrayBuffer();
  }
}
