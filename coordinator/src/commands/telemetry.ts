/** `starling telemetry query|streams`: what devices told, and what of it is missing. */
import type { StoredTelemetryRecord, TelemetryRecord } from '@starling/proto';
import { type ClientArguments, withCoordinator } from './connection.js';
import { UsageError } from './explain.js';
import { formatBytes, formatTable, formatTime } from './format.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';

export interface TelemetryQueryArguments extends ClientArguments {
  readonly device: string | undefined;
  readonly stream: string | undefined;
  readonly name: string | undefined;
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly limit: number;
}

/** Prints records, the oldest first: a table, or with `json` one object a line as they come. */
export async function queryTelemetry(args: TelemetryQueryArguments, terminal: Terminal): Promise<void> {
  const now = terminal.clock.now();
  const query = {
    deviceId: args.device ?? '',
    stream: args.stream ?? '',
    name: args.name ?? '',
    fromMs: args.since === undefined ? 0 : momentOf('--since', args.since, now),
    toMs: args.until === undefined ? 0 : momentOf('--until', args.until, now),
    limit: args.limit,
  };
  await withCoordinator(args, terminal, async ({ telemetry }) => {
    const rows: (readonly string[])[] = [];
    for await (const { records } of telemetry.queryTelemetry(query, { signal: terminal.signal })) {
      for (const stored of records) {
        if (args.json) printJson(terminal, recordJson(stored));
        else rows.push(rowOf(stored));
      }
    }
    if (args.json) return;
    if (rows.length === 0)
      return remark(terminal, 'No records. "starling telemetry streams" tells what there is.');
    printLine(
      terminal,
      formatTable(['TIME (UTC)', 'DEVICE', 'STREAM', 'NUMBER', 'NAME', 'VALUE', 'ATTRIBUTES'], rows),
    );
    if (rows.length === args.limit)
      remark(terminal, `These are the first ${args.limit}; --limit gives more.`);
  });
}

export async function listTelemetryStreams(
  args: ClientArguments & { readonly device: string | undefined },
  terminal: Terminal,
): Promise<void> {
  await withCoordinator(args, terminal, async ({ telemetry }) => {
    const { streams } = await telemetry.listTelemetryStreams(
      { deviceId: args.device ?? '' },
      { signal: terminal.signal },
    );
    if (args.json) {
      for (const stream of streams) printJson(terminal, stream);
      return;
    }
    const rows = streams.map(
      ({ deviceId, stream, nextSequence, recordsHeld, heldBytes, losses, updatedAtMs }) => [
        deviceId,
        stream,
        String(nextSequence),
        String(recordsHeld),
        formatBytes(heldBytes),
        String(losses.reduce((sum, { firstSequence, endSequence }) => sum + endSequence - firstSequence, 0)),
        formatTime(updatedAtMs),
      ],
    );
    printLine(
      terminal,
      formatTable(['DEVICE', 'STREAM', 'NUMBERED', 'HELD', 'SIZE', 'LOST', 'LAST HEARD (UTC)'], rows),
    );
  });
}

/** `90s`, `5m`, `2h`, `7d` before now, or a time as ISO 8601 says; milliseconds since the epoch. */
function momentOf(option: string, text: string, nowMs: number): number {
  const ago = /^(\d+)\s*([smhd])$/.exec(text);
  if (ago !== null) return Math.max(0, nowMs - Number(ago[1]) * unitMs[ago[2]]);
  const atMs = Date.parse(text);
  if (Number.isFinite(atMs) && atMs >= 0) return atMs;
  throw new UsageError(
    `${option} ${JSON.stringify(text)} is no time.`,
    'Write 90s, 5m, 2h or 7d for so long ago, or a time such as 2026-01-31T12:00:00Z.',
  );
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function rowOf({ deviceId, stream, sequence, record }: StoredTelemetryRecord): readonly string[] {
  const { timeUnixMs = 0, name = '', attributes = [], value } = record ?? {};
  const described = attributes.map((attribute) => `${attribute.key}=${attribute.value}`).join(' ');
  return [formatTime(timeUnixMs), deviceId, stream, String(sequence), name, valueText(value), described];
}

function valueText(value: TelemetryRecord['value']): string {
  switch (value?.kind) {
    case undefined:
      return '';
    case 'number':
      return String(value.value);
    case 'text':
      return value.value;
    case 'data':
      return `${value.value.byteLength} bytes`;
    case 'histogram': {
      const { buckets, countAbove, sum } = value.value;
      const count = buckets.reduce((total, bucket) => total + bucket.count, countAbove);
      return `${count} observations, mean ${count === 0 ? 0 : sum / count}`;
    }
  }
}

function recordJson({ deviceId, stream, epoch, sequence, record }: StoredTelemetryRecord): object {
  const { timeUnixMs = 0, name = '', attributes = [], value } = record ?? {};
  return {
    device: deviceId,
    stream,
    epoch,
    sequence,
    time: new Date(timeUnixMs).toISOString(),
    name,
    attributes: Object.fromEntries(attributes.map((attribute) => [attribute.key, attribute.value])),
    value: value?.kind === 'data' ? Buffer.from(value.value).toString('base64') : (value?.value ?? null),
  };
}
