/**
 * Takes payloads from wherever they come, and settles only once their examples are durable: whoever acknowledges to
 * a broker does so afterwards. What arrives together is committed together, so that a flash disk is asked once; what is
 * large in slices, between which this process does its other work.
 */
import type { Clock } from '@starling/federation';
import { newestQueue } from './newest.js';
import type { PayloadFormat } from './payload-formats.js';
import { birthUnknown, decodePayload, type RawRow, type Rows } from './payloads/index.js';
import { createWorkQueue, type Pieces } from './pieces.js';
import { payloadBytesMax, type Recording } from './recording.js';
import { rowText } from './row-text.js';
import { checkRow, idOf, readLabel } from './rows.js';
import { createSensors } from './sensors.js';
import type { ExampleStore, NewExample } from './store.js';

export interface Recorded {
  /** Rows that met the contract. */
  readonly accepted: number;
  readonly quarantined: number;
  /** Examples that are stored now; fewer than rows where there are windows, or ids that came again. */
  readonly examples: number;
  /** Its names were told by a Sparkplug birth that this agent has not seen. */
  readonly lacksBirth?: true;
}

export interface Recorder {
  readonly recording: Recording;
  /**
   * @param source the sensor: windows and missing values are of one sensor
   * @throws where the database cannot be written; of a payload of several slices the first ones may be stored then. When it
   *   comes again, rows with ids and windows with times are stored once.
   */
  record(source: string, format: PayloadFormat, payload: Uint8Array): Promise<Recorded>;
  /** The library's call: rows that are decoded already. */
  recordRows(source: string, rows: readonly RawRow[]): Promise<Recorded>;
  /** Late labels: rows with an id, or with `from` and `to` (milliseconds or dates), and the label. */
  recordLabels(source: string, format: PayloadFormat, payload: Uint8Array): Promise<Recorded>;
  /** Removes what is too old or too much. */
  retain(): number;
}

/**
 * Told of examples that have become durable, in the order of their commit; must be quick and must not throw. Of a commit with
 * very many, the newest are told and the others counted.
 */
export type ExampleFollower = (
  recording: Recording,
  examples: readonly NewExample[],
  passedOver: number,
) => void;

/** Of one commit, what is told at most. */
const toldMax = 256;
const toldBytesMax = 8 << 20;

export const exampleBytes = ({ values }: NewExample): number =>
  values.reduce((sum, { byteLength }) => sum + byteLength, 0);

/** Longest name of a sensor, in characters: it is kept with each of its examples. */
const sourceLengthMax = 256;
/** Of a refused row that is kept to be looked at. */
const rowLengthMax = 4096;
/**
 * Elements that are filled in for the rows of one payload, beyond its first: as many as it could have brought itself. An
 * empty row is a few bytes, and what its recording makes of it may be a megabyte.
 */
const filledMax = payloadBytesMax / 4;
/** Of a statement or two, where an element is 1. */
const labelCost = 16;
/** Examples and labels between two looks at the retention. */
const retainEvery = 256;

export function createRecorder(
  recording: Recording,
  store: ExampleStore,
  clock: Clock,
  follower?: ExampleFollower | undefined,
): Recorder {
  const sensors = createSensors(recording);
  const rowCost = costOfRow(recording);
  const limits = { countMax: toldMax, bytesMax: toldBytesMax, bytesOf: exampleBytes };
  let fresh = newestQueue<NewExample>(limits);
  let sinceRetention = 0;

  const inCommit = createWorkQueue<Recorded>((work) => {
    fresh = newestQueue(limits);
    store.transaction(() => {
      work();
      if (sinceRetention < retainEvery) return;
      sinceRetention = 0;
      store.retain(recording, clock.now());
    });
    if (fresh.size > 0) follower?.(recording, fresh.take(toldMax), fresh.takeDropped());
  });

  const add = (example: NewExample, nowMs: number): number => {
    if (!store.add(recording, example, nowMs)) return 0;
    sinceRetention += 1;
    if (follower !== undefined) fresh.push(example);
    return 1;
  };

  const quarantine = (source: string, reason: string, row: string): void =>
    store.quarantine(recording.task, { source, atMs: clock.now(), reason, row });

  function* addRows(source: string, rows: Rows): Pieces<Recorded> {
    const sensor = sensors.of(source);
    const nowMs = clock.now();
    let accepted = 0;
    let examples = 0;
    let filled = 0;
    let index = -1;
    for (const raw of rows) {
      yield rowCost;
      index += 1;
      const fillable = filled === 0 ? Number.POSITIVE_INFINITY : filledMax - filled;
      const checked = checkRow(recording, raw, sensor.previous, fillable);
      if (checked.kind === 'refused') {
        if (!Object.hasOwn(raw, recording.fields.time)) sensor.missed();
        quarantine(source, checked.reason, rowText(raw, rowLengthMax));
        continue;
      }
      accepted += 1;
      const { row } = checked;
      filled += row.filled;
      sensor.previous = row.values;
      const timeMs = row.timeMs ?? nowMs;
      const windower = sensor.windower();
      if (windower === undefined) {
        examples += add({ ...row, source, fromMs: timeMs, toMs: timeMs }, nowMs);
        continue;
      }
      const following = rows.length - 1 - index;
      const window = windower.add(row, { payloadMs: nowMs, samples: rows.length, following });
      if (window === undefined) continue;
      // Named by sensor and beginning, so that a message that comes again makes no second one. Without times nobody knows
      // whether it came before.
      const id = window.isTimed ? `${source}@${window.fromMs}` : undefined;
      examples += add({ ...window, id, source }, nowMs);
    }
    return { accepted, quarantined: rows.length - accepted, examples };
  }

  function* addLabels(source: string, rows: Rows): Pieces<Recorded> {
    let accepted = 0;
    for (const raw of rows) {
      yield labelCost;
      const label = readLateLabel(recording, source, raw);
      if (typeof label === 'string') {
        quarantine(source, label, rowText(raw, rowLengthMax));
        continue;
      }
      accepted += 1;
      store.label(recording, label, clock.now());
      // Those that wait for their example take room too.
      sinceRetention += 1;
    }
    return { accepted, quarantined: rows.length - accepted, examples: 0 };
  }

  function* decoded(
    source: string,
    format: PayloadFormat,
    payload: Uint8Array,
    add: typeof addRows,
  ): Pieces<Recorded> {
    if (source.length > sourceLengthMax) {
      quarantine(source.slice(0, sourceLengthMax), 'source-too-long', '');
      return { accepted: 0, quarantined: 1, examples: 0 };
    }
    const result = yield* decodePayload(format, payload, recording, sensors.of(source).births);
    if (result.kind === 'rows') return yield* add(source, result.rows);
    quarantine(source, result.reason, Buffer.from(payload.subarray(0, 1024)).toString('latin1'));
    const refused = { accepted: 0, quarantined: 1, examples: 0 };
    return result.reason === birthUnknown ? { ...refused, lacksBirth: true } : refused;
  }

  return {
    recording,
    record: (source, format, payload) => inCommit(decoded(source, format, payload, addRows)),
    recordRows: (source, rows) => inCommit(addRows(source, rows)),
    recordLabels: (source, format, payload) => inCommit(decoded(source, format, payload, addLabels)),
    retain: () => store.retain(recording, clock.now()),
  };
}

/** A row's elements; in windows, also those of the example that every `stride` rows make. */
function costOfRow({ rowElements, window }: Recording): number {
  const elements = rowElements.reduce((sum, count) => sum + count, 0);
  return labelCost + elements * (1 + (window === undefined ? 0 : window.size / window.stride));
}

function readLateLabel({ contract, fields, labels }: Recording, source: string, raw: RawRow) {
  const value = Object.hasOwn(raw, fields.label) ? raw[fields.label] : undefined;
  const label = readLabel(value, contract.target);
  if (typeof label === 'string') return `label-${label}:${fields.label}`;
  if (labels.join === 'time') {
    const [fromMs, toMs] = [raw.from, raw.to].map((time) =>
      typeof time === 'string' ? Date.parse(time) : time,
    );
    if (typeof fromMs !== 'number' || typeof toMs !== 'number' || !(fromMs <= toMs)) return 'label-span';
    const of = typeof raw.source === 'string' ? raw.source.slice(0, sourceLengthMax) : source;
    return { kind: 'span' as const, source: of, fromMs, toMs, label };
  }
  const id = idOf(Object.hasOwn(raw, fields.id) ? raw[fields.id] : undefined);
  if (id === undefined || id === 'wrong') return `label-id:${fields.id}`;
  return { kind: 'id' as const, id: id.text, label };
}
