import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import yargs from 'yargs';
import { type Benchmark, type Figure, median, rounded } from '../figure.js';
import { startServing } from './coordinator.js';
import type { DeviceInput, DeviceReport } from './device.js';

/** One device and a coordinator, both durable, each a process of its own. No peers. */
export const telemetry: Benchmark = {
  summary: 'records a second from a device into the coordinator’s store, durable at both ends',
  options: [
    '--records 200000         records of the device',
    '--per-write 100          records that are recorded together',
    '--writes 16              writes that wait to become durable at a time',
  ],
  async *run({ args, note }) {
    const { records, perWrite, writes } = await parseOptions(args);
    for (const withBroker of [true, false]) {
      const way = withBroker ? 'MQTT' : 'gRPC';
      note(`${records} records over ${way} …`);
      const coordinator = await startServing(withBroker);
      const folder = await mkdtemp(join(tmpdir(), 'starling-bench-'));
      try {
        const before = await coordinator.processorSeconds();
        const { address, token } = coordinator;
        const input = { address, token, state: join(folder, 'state'), records, recordsPerWrite: perWrite };
        const report = await runDevice({ ...input, writesAtATime: writes });
        yield* figuresOf(way, records, report, (await coordinator.processorSeconds()) - before);
      } finally {
        await coordinator.stop();
        await rm(folder, { recursive: true, force: true });
      }
    }
  },
};

function* figuresOf(
  way: string,
  records: number,
  { seconds, writeMs, processorSeconds, residentBytes, link }: DeviceReport,
  coordinatorSeconds: number,
): Generator<Figure> {
  const figure = (metric: string, unit: string, value: number): Figure => ({
    benchmark: 'telemetry',
    case: `${way} (${link})`,
    metric,
    unit,
    value: rounded(value),
  });
  const sorted = [...writeMs].sort((a, b) => a - b);
  yield figure('throughput', 'records/s', records / seconds);
  yield figure('timeToDurable', 'ms', median(writeMs));
  yield figure('timeToDurableP99', 'ms', sorted[Math.floor(sorted.length * 0.99)]);
  yield figure('deviceProcessorTime', 'us/record', (processorSeconds / records) * 1e6);
  yield figure('coordinatorProcessorTime', 'us/record', (coordinatorSeconds / records) * 1e6);
  yield figure('deviceMemory', 'MB', residentBytes / 1e6);
}

function runDevice(input: DeviceInput): Promise<DeviceReport> {
  const script = fileURLToPath(new URL('./device.js', import.meta.url));
  const child = spawn(process.execPath, [script, JSON.stringify(input)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((settle, reject) => {
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      text += piece;
    });
    child.once('close', (code) => {
      if (code === 0) settle(JSON.parse(text) as DeviceReport);
      else reject(new Error(`the device ended with code ${code}`));
    });
  });
}

async function parseOptions(args: readonly string[]) {
  const parsed = await yargs([...args])
    .option('records', { type: 'number', default: 200_000 })
    .option('per-write', { type: 'number', default: 100 })
    .option('writes', { type: 'number', default: 16 })
    .strict()
    .exitProcess(false)
    .parseAsync();
  for (const value of [parsed.records, parsed.perWrite, parsed.writes]) {
    if (!Number.isInteger(value) || value < 1)
      throw new Error('Every option takes whole numbers of at least 1.');
  }
  return parsed;
}
