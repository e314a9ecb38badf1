/** Where something could be lost: an outage of the coordinator, the delivery after it, and the count at the end. */
import { delay } from '@starling/federation';
import { SimulationError } from '../errors.js';
import { checkAlive, type GatewayStatus, statusEveryMs, stopGateways, until } from './gateways.js';
import { type Hall, phase, secondsOf, statuses, sum, withRemote } from './hall.js';
import type { HallResult } from './report.js';

/** Kills the coordinator, and with it the broker of telemetry, and starts it again. */
export async function outageOf(
  hall: Hall,
): Promise<{ readonly told: HallResult['outage']; readonly writtenAtReturn: readonly GatewayStatus[] }> {
  const { options, terminal, gateways, sensors, coordinator, panels, shown } = hall;
  const { clock, signal } = terminal;
  phase(hall, 'outage: the coordinator is killed (SIGKILL)');
  const answersBefore = sensors.counts.answers;
  const startMs = clock.monotonic();
  await coordinator.kill();
  for (const panel of shown.values()) panel.state = 'records and buffers';
  await delay(clock, secondsOf(options).outage * 1000, signal);
  checkAlive(gateways);
  const buffered = await statuses(hall);
  const recordsBuffered = sum(buffered, ({ telemetry }) => sum(telemetry, ({ waiting }) => waiting));
  const answersMeanwhile = sensors.counts.answers - answersBefore;
  await coordinator.start();
  const seconds = (clock.monotonic() - startMs) / 1000;
  for (const panel of shown.values()) panel.state = 'records';
  panels.tell(
    `back after ${seconds.toFixed(1)} s: ${recordsBuffered} telemetry records waited, ${answersMeanwhile} questions were answered meanwhile`,
  );
  return { told: { seconds, recordsBuffered, answersMeanwhile }, writtenAtReturn: buffered };
}

/** Until the coordinator holds what every gateway had written at a moment. What does not come is counted as lost. */
export async function delivered(hall: Hall, written: readonly GatewayStatus[]): Promise<void> {
  const isDelivered = async (): Promise<true | undefined> => {
    const now = await statuses(hall);
    const missing = written.flatMap(({ telemetry }, at) =>
      telemetry.filter(
        ({ stream, written: wanted }) =>
          (now[at].telemetry.find((found) => found.stream === stream)?.delivered ?? 0) < wanted,
      ),
    );
    return missing.length === 0 ? true : undefined;
  };
  await tolerated(until('what waited', isDelivered, hall.terminal, 60_000, statusEveryMs));
}

/** Waits until everything has arrived, stops the gateways, and compares what was sent with what is there. */
export async function count(hall: Hall): Promise<Pick<HallResult, 'examples' | 'telemetry'>> {
  const { terminal, gateways, sensors, coordinator, shown } = hall;
  const { counts } = sensors;
  const examples = (found: readonly GatewayStatus[], key: 'stored' | 'labelled' | 'quarantined'): number =>
    sum(found, (status) => sum(status.examples, (task) => task[key]));
  await tolerated(
    until(
      'every window',
      async () => (examples(await statuses(hall), 'stored') >= counts.windows ? true : undefined),
      terminal,
      30_000,
      statusEveryMs,
    ),
  );
  await stopGateways(gateways, terminal.clock);
  const found = await statuses(hall);
  const { streams } = await withRemote(coordinator, terminal, ({ telemetry }) =>
    telemetry.listTelemetryStreams({ deviceId: '' }, { signal: terminal.signal }),
  );
  for (const [name, panel] of shown) {
    panel.state = 'stopped';
    const own = streams.filter(({ deviceId }) => deviceId === name);
    panel.telemetry = sum(own, ({ recordsHeld }) => recordsHeld);
  }
  const written = gateways.flatMap(({ name }, at) =>
    found[at].telemetry.map((stream) => ({
      ...stream,
      held: streams.find((held) => held.deviceId === name && held.stream === stream.stream),
    })),
  );
  return {
    examples: {
      windowsPublished: counts.windows,
      windowsStored: examples(found, 'stored'),
      labelled: examples(found, 'labelled'),
      brokenRowsPublished: counts.broken,
      rowsQuarantined: examples(found, 'quarantined'),
    },
    telemetry: {
      written: sum(written, (stream) => stream.written),
      held: sum(written, ({ held }) => held?.recordsHeld ?? 0),
      // Written while they stopped: they are sent at the next start.
      waiting: sum(written, (stream) =>
        Math.min(stream.waiting, stream.written - (stream.held?.nextSequence ?? 0)),
      ),
    },
  };
}

/** What did not come in time is in the result, as a loss. */
async function tolerated(waiting: Promise<unknown>): Promise<void> {
  await waiting.catch((error: unknown) => {
    if (!(error instanceof SimulationError)) throw error;
  });
}
