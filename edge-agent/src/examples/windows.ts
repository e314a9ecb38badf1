/**
 * Cuts the samples of one sensor into overlapping windows. A gap in time begins anew: no window spans one.
 *
 * Samples without a time follow each other by the sampling rate. They begin when they arrive, also after a restart of the
 * agent, and begin anew where they lag behind their arrival: then the sensor was silent, or lost some. They begin anew, too,
 * where they run ahead of it: the sensor is faster than it should be, or this device's clock was put back, or what had waited
 * for a connection has come. What comes all at once goes on: it was not measured then.
 */
import type { Recording } from './recording.js';
import type { Row } from './rows.js';

export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
  /** Of each feature, `[size, …]` row-major. */
  readonly values: readonly Float64Array[];
  /** Of the last sample that had one. */
  readonly label: readonly number[] | undefined;
  /** Whether all its samples said when they were measured: then the same window has the same times whenever it comes. */
  readonly isTimed: boolean;
}

/** When a sample without a time came. */
export interface Arrival {
  /** When its payload came. */
  readonly payloadMs: number;
  /** Samples of its payload, and those of them that follow it: the last one is taken for measured as it came. */
  readonly samples: number;
  readonly following: number;
}

export interface Windower {
  /** Takes the next sample; gives the window that it completes. */
  add(row: Row, arrival: Arrival): Window | undefined;
  /** A sample without a time is missing here. */
  miss(): void;
}

/** Messages may be late by that much, or by a window where that is longer. */
const lagMsMin = 1_000;

export function createWindower(
  { rowElements }: Pick<Recording, 'rowElements'>,
  { size, stride, periodMs }: NonNullable<Recording['window']>,
): Windower {
  // Twice the size, so that a window is always one piece.
  const rings = rowElements.map((elements) => new Float64Array(2 * size * elements));
  const times = new Float64Array(size);
  const labels = new Array<readonly number[] | undefined>(size);
  let count = 0;
  let untilNext = size;
  let lastMs = Number.NaN;
  let lastPayloadMs = Number.NaN;
  /** Samples since the last one without a time, of those that belong together. */
  let timed = 0;
  const lagMsMax = Math.max(size * periodMs, lagMsMin);
  const beginAnew = (): void => {
    count = 0;
    untilNext = size;
  };
  const untimed = ({ payloadMs, samples, following }: Arrival): number => {
    const arrivedMs = payloadMs - following * periodMs;
    const next = lastMs + periodMs;
    const sinceMs = payloadMs - lastPayloadMs;
    lastPayloadMs = payloadMs;
    const isBurst = sinceMs >= 0 && sinceMs < (samples * periodMs) / 2;
    const aheadMsMax = isBurst ? Number.POSITIVE_INFINITY : lagMsMax;
    return arrivedMs - next <= lagMsMax && next - arrivedMs <= aheadMsMax ? next : arrivedMs;
  };
  return {
    miss() {
      beginAnew();
      lastMs += periodMs;
    },
    add({ timeMs, values, label }, arrival) {
      const at = timeMs ?? untimed(arrival);
      // Half a period of jitter is allowed each way.
      if (!(Math.abs(at - lastMs - periodMs) <= periodMs / 2)) beginAnew();
      lastMs = at;
      timed = timeMs === undefined ? 0 : timed + 1;
      const slot = count % size;
      times[slot] = lastMs;
      labels[slot] = label;
      for (const [index, elements] of rowElements.entries()) {
        rings[index].set(values[index], slot * elements);
        rings[index].set(values[index], (slot + size) * elements);
      }
      count += 1;
      untilNext -= 1;
      if (untilNext > 0) return undefined;
      untilNext = stride;
      const first = count % size;
      const order = Array.from({ length: size }, (_, index) => (first + index) % size);
      return {
        fromMs: times[first],
        toMs: lastMs,
        values: rowElements.map((elements, index) =>
          rings[index].slice(first * elements, (first + size) * elements),
        ),
        label: order.map((index) => labels[index]).findLast((found) => found !== undefined),
        isTimed: timed >= size,
      };
    },
  };
}
