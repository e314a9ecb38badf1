/** The device of the telemetry kill tests, a process of its own: writes numbered records, and says when all are delivered. */
import { mkdirSync } from 'node:fs';
import { numberedRecord, startTelemetryDevice, until } from '../support/index.js';

interface WriterOptions {
  readonly address: string;
  /** The coordinator's. */
  readonly folder: string;
  readonly state: string;
  readonly deviceId: string;
  readonly records: number;
  readonly budgetBytes: number;
  readonly recordsPerWrite: number;
}

const options = JSON.parse(process.argv[2]) as WriterOptions;
mkdirSync(options.state, { recursive: true, mode: 0o700 });
const { telemetry } = await startWhenThere();

// What was durable when the process was killed is not written again: the next number is the number of what is there.
let next = telemetry.status().streams[0]?.next ?? 0;
while (next < options.records) {
  const count = Math.min(options.recordsPerWrite, options.records - next);
  const records = Array.from({ length: count }, (_, index) =>
    numberedRecord(next + index, 1_000 + next + index),
  );
  await telemetry.record('readings', records);
  next += count;
}
await until(
  'delivery',
  () => (telemetry.status().streams[0].acknowledged === options.records ? true : undefined),
  { timeoutMs: 600_000 },
);
console.log('delivered');

/** The coordinator may be dead when the device starts for the first time. */
async function startWhenThere() {
  for (;;) {
    try {
      return await startTelemetryDevice(options, options.deviceId, options.state, {
        streams: [{ name: 'readings', priority: 'normal', timeToLiveMs: null }],
        budgetBytes: options.budgetBytes,
        bytesPerSecondMax: null,
        metricsPeriodMs: 60_000,
      });
    } catch (error) {
      if (!(error instanceof Error) || !('status' in error)) throw error;
      await new Promise((settle) => setTimeout(settle, 50));
    }
  }
}
