/** Telemetry as the rest of the agent uses it: records become durable in groups and leave when there is a way. */
import type { Clock, Entropy, Scheduled } from '@starling/federation';
import type { TelemetryRecord } from '@starling/proto';
import type { Log } from '../connection/shell.js';
import { AgentError } from '../errors.js';
import type { AgentDatabase } from '../state/database.js';
import { openTelemetryBuffer, type StreamPosition } from './buffer.js';
import { startForwarding } from './forward.js';
import { defaultForwarder } from './forwarder.js';
import type { LinkKind, OpenLink } from './link.js';
import { checkTelemetry, type TelemetrySettings } from './streams.js';

export interface TelemetryStatus {
  readonly link: LinkKind | undefined;
  /** Bytes that wait for the coordinator, of the budget. */
  readonly bytes: number;
  /** Where each stream stands: everything before `next` is durable here, everything before `acknowledged` there. */
  readonly streams: readonly StreamPosition[];
}

export interface Telemetry {
  /**
   * Resolves when the records are durable on this device. Rejects with `agent/configuration` where there is no such
   * stream, with `agent/telemetry` where a record is too large or they cannot be stored: then none of them is.
   */
  record(stream: string, records: readonly TelemetryRecord[]): Promise<void>;
  status(): TelemetryStatus;
  /** Makes what was recorded durable and closes the connection. */
  close(): void;
}

export interface TelemetryOptions {
  readonly database: AgentDatabase;
  readonly settings: TelemetrySettings;
  readonly openLink: OpenLink;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
}

/** How long records wait for others to become durable with. */
const groupMs = 10;
const groupRecordsMax = 4_096;
const expiryPeriodMs = 60_000;
const textBytesMax = 48 * 1024;
const nameCharactersMax = 128;
const attributesMax = 32;
const attributeCharactersMax = 256;

export function startTelemetry(options: TelemetryOptions): Telemetry {
  const { database, settings, clock, entropy, log } = options;
  checkTelemetry(settings);
  const buffer = openTelemetryBuffer(database, settings, entropy);
  const forwarding = startForwarding({
    ...options,
    buffer,
    streams: settings.streams,
    settings: { ...defaultForwarder, bytesPerSecondMax: settings.bytesPerSecondMax },
  });
  const known = new Set(settings.streams.map(({ name }) => name));
  let group = new Map<string, TelemetryRecord[]>();
  let grouped = 0;
  let callers: { readonly settle: () => void; readonly fail: (error: unknown) => void }[] = [];
  let scheduled: Scheduled | undefined;

  const flush = (): void => {
    scheduled?.cancel();
    scheduled = undefined;
    const [records, waiting] = [group, callers];
    [group, grouped, callers] = [new Map(), 0, []];
    if (waiting.length === 0) return;
    try {
      buffer.write(records, clock.now());
    } catch (error) {
      const failure = notStored(error);
      for (const { fail } of waiting) fail(failure);
      return;
    }
    for (const { settle } of waiting) settle();
    forwarding.moved(buffer.positions().filter(({ stream }) => records.has(stream)));
  };

  const expire = (): void => {
    try {
      buffer.expire(clock.now());
    } catch (error) {
      log.warn({ why: String(error) }, 'Telemetry that is too old could not be removed.');
    }
    expiring = clock.schedule(expiryPeriodMs, expire);
  };
  let expiring = clock.schedule(0, expire);

  return {
    async record(stream, records) {
      if (!known.has(stream)) throw unknownStream(stream, known);
      for (const record of records) checkRecord(stream, record);
      return new Promise<void>((settle, fail) => {
        const ofStream = group.get(stream);
        if (ofStream === undefined) group.set(stream, [...records]);
        else for (const record of records) ofStream.push(record);
        grouped += records.length;
        callers.push({ settle, fail });
        if (grouped >= groupRecordsMax) flush();
        else scheduled ??= clock.schedule(groupMs, flush);
      });
    },
    status: () => ({
      link: forwarding.link(),
      bytes: buffer.bytes,
      streams: buffer.positions(),
    }),
    close() {
      flush();
      expiring.cancel();
      forwarding.close();
    },
  };
}

function checkRecord(stream: string, { name, attributes, value }: TelemetryRecord): void {
  const refuse = (what: string): never => {
    throw new AgentError('agent/telemetry', `A record of the stream ${stream} ${what}; it was not taken.`);
  };
  if (name.length === 0 || name.length > nameCharactersMax) {
    refuse(`has a name of ${name.length} characters, not 1 to ${nameCharactersMax}`);
  }
  if (attributes.length > attributesMax)
    refuse(`has ${attributes.length} attributes, more than ${attributesMax}`);
  for (const attribute of attributes) {
    if (attribute.key.length > attributeCharactersMax || attribute.value.length > attributeCharactersMax) {
      refuse(`has an attribute of more than ${attributeCharactersMax} characters`);
    }
  }
  const isText = value?.kind === 'text' || value?.kind === 'data';
  if (isText && value.value.length > textBytesMax)
    refuse(`has more than ${textBytesMax} bytes of ${value.kind}`);
  if (value?.kind === 'histogram' && value.value.buckets.length > 1_024) refuse('has more than 1024 buckets');
}

function notStored(error: unknown): AgentError {
  const why = error instanceof Error ? error.message : String(error);
  return new AgentError(
    'agent/telemetry',
    `Telemetry could not be stored (${why}); make room on the disk of the state directory.`,
    error,
  );
}

function unknownStream(name: string, known: ReadonlySet<string>): AgentError {
  return new AgentError(
    'agent/configuration',
    `There is no telemetry stream ${JSON.stringify(name)}; name it under telemetry.streams, or use one of ${[...known].join(', ')}.`,
  );
}
