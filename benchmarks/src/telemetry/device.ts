/** The measured device, a process of its own: writes records as fast as they become durable, until all are delivered. */
import { mkdirSync } from 'node:fs';
import {
  createOpenLink,
  enrol,
  openAgentDatabase,
  startTelemetry,
  systemClock,
  systemEntropy,
  telemetryMigrations,
} from '@starling/edge-agent';
import type { TelemetryRecord } from '@starling/proto';

export interface DeviceInput {
  readonly address: string;
  readonly token: string;
  readonly state: string;
  readonly records: number;
  readonly recordsPerWrite: number;
  readonly writesAtATime: number;
}

export interface DeviceReport {
  readonly link: string;
  /** From the first record to the watermark behind the last. */
  readonly seconds: number;
  /** From `record` to its promise, milliseconds, of every write. */
  readonly writeMs: readonly number[];
  readonly processorSeconds: number;
  readonly residentBytes: number;
}

const input = JSON.parse(process.argv[2]) as DeviceInput;
const [clock, entropy] = [systemClock(), systemEntropy()];
const log = { info() {}, warn() {}, error() {} };
mkdirSync(input.state, { recursive: true });
const identity = await enrol({
  coordinator: input.address,
  stateFolder: input.state,
  token: input.token,
  deviceId: 'bench',
  clock,
  entropy,
  signal: new AbortController().signal,
});
const telemetry = startTelemetry({
  database: openAgentDatabase(input.state, telemetryMigrations),
  settings: {
    streams: [{ name: 'readings', priority: 'normal', timeToLiveMs: null }],
    budgetBytes: 1 << 30,
    bytesPerSecondMax: null,
    metricsPeriodMs: 60_000,
  },
  openLink: createOpenLink({ coordinator: input.address, identity: () => identity, clock, log }),
  clock,
  entropy,
  log,
});
while (telemetry.status().link === undefined) await turn();

const writeMs: number[] = [];
let next = 0;
const startedAt = performance.now();
const processorAtStart = process.cpuUsage();
await Promise.all(Array.from({ length: input.writesAtATime }, write));
while (telemetry.status().streams[0].acknowledged < input.records) await turn();
const used = process.cpuUsage(processorAtStart);
const report: DeviceReport = {
  link: telemetry.status().link ?? 'none',
  seconds: (performance.now() - startedAt) / 1_000,
  writeMs,
  processorSeconds: (used.user + used.system) / 1e6,
  residentBytes: process.memoryUsage.rss(),
};
process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));

async function write(): Promise<void> {
  while (next < input.records) {
    const count = Math.min(input.recordsPerWrite, input.records - next);
    const first = next;
    next += count;
    const records = Array.from({ length: count }, (_, index) => reading(first + index));
    const before = performance.now();
    await telemetry.record('readings', records);
    writeMs.push(performance.now() - before);
  }
}

/** What a vibration sensor might say: a name, where, a number. */
function reading(number: number): TelemetryRecord {
  return {
    timeUnixMs: 1_760_000_000_000 + number,
    name: 'motor.vibration.rms',
    attributes: [{ key: 'motor', value: `m${number % 4}` }],
    value: { kind: 'number', value: Math.sin(number) },
  };
}

/** Looks again soon without keeping the processor busy. */
function turn(): Promise<void> {
  return new Promise((settle) => setTimeout(settle, 2));
}
