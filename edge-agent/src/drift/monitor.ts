/** Counts what is asked and answered into the reference's cells, and compares once enough has come. */
import type { TensorValue } from '@starling/engine/serving';
import { cellOf, type DriftReference, type ReferenceColumn } from './reference.js';
import { kolmogorovSmirnov, stabilityIndex } from './statistics.js';

export interface DriftSettings {
  /** Rows of one comparison. */
  readonly rows: number;
  /** Least stability index of an alarm. */
  readonly stabilityIndexMin: number;
  /** Comparisons in a row that must find a column drifted. */
  readonly repeats: number;
}

export const defaultDriftSettings: DriftSettings = { rows: 1000, stabilityIndexMin: 0.2, repeats: 2 };

/** No value is in it: it may leave the device. */
export interface DriftAlarm {
  /** A feature's name, or `score`. */
  readonly column: string;
  readonly state: 'drifted' | 'recovered';
  readonly stabilityIndex: number;
  /** Kolmogorov-Smirnov. */
  readonly distance: number;
  readonly rows: number;
}

interface Column {
  readonly reference: ReferenceColumn;
  readonly counts: Float64Array;
  exceeded: number;
  drifted: boolean;
}

export interface DriftMonitor {
  /** Takes one answered request: inputs and outputs have their rows along the first axis. */
  observe(inputs: readonly TensorValue[], outputs: readonly TensorValue[]): void;
}

/** Memory is the cells of the reference, whatever is observed. */
export function createDriftMonitor(
  reference: DriftReference,
  settings: DriftSettings,
  onAlarm: (alarm: DriftAlarm) => void,
): DriftMonitor {
  const columnOf = (column: ReferenceColumn): Column => ({
    reference: column,
    counts: new Float64Array(column.shares.length),
    exceeded: 0,
    drifted: false,
  });
  const features = reference.features.map((feature) => ({ ...columnOf(feature), ...pick(feature) }));
  const score = reference.score && columnOf(reference.score);
  let rowsSeen = 0;

  const count = (column: Column, value: number): void => {
    if (!Number.isNaN(value)) column.counts[cellOf(column.reference.edges, value)] += 1;
  };

  const compare = (column: Column, name: string): void => {
    const { shares } = column.reference;
    const index = stabilityIndex(shares, column.counts);
    const { distance, bound } = kolmogorovSmirnov(shares, column.counts, reference.rows);
    column.counts.fill(0);
    // Both: with many rows the test finds shifts that matter to nobody, with few the index is noise.
    column.exceeded = index >= settings.stabilityIndexMin && distance > bound ? column.exceeded + 1 : 0;
    const drifted = column.drifted ? column.exceeded > 0 : column.exceeded >= settings.repeats;
    if (drifted === column.drifted) return;
    column.drifted = drifted;
    const state = drifted ? 'drifted' : 'recovered';
    onAlarm({ column: name, state, stabilityIndex: index, distance, rows: settings.rows });
  };

  return {
    observe([input], [output]) {
      if (input === undefined) return;
      const [rows] = input.shape;
      const width = input.data.length / rows;
      for (let row = 0; row < rows; row++) {
        for (const feature of features) {
          const first = row * width + feature.start;
          for (let at = first; at < first + feature.elements; at++) count(feature, Number(input.data[at]));
        }
        if (score !== undefined && output !== undefined) count(score, scoreOf(output, row));
        rowsSeen += 1;
        if (rowsSeen < settings.rows) continue;
        rowsSeen = 0;
        for (const feature of features) compare(feature, feature.reference.name);
        if (score !== undefined) compare(score, 'score');
      }
    },
  };
}

function pick({ start, elements }: { readonly start: number; readonly elements: number }) {
  return { start, elements };
}

/** The largest softmax probability where a row has several outputs, the output itself where it has one. */
export function scoreOf({ data, shape }: TensorValue, row: number): number {
  const width = data.length / shape[0];
  const first = row * width;
  if (width === 1) return Number(data[first]);
  let most = Number.NEGATIVE_INFINITY;
  for (let at = first; at < first + width; at++) most = Math.max(most, Number(data[at]));
  let sum = 0;
  for (let at = first; at < first + width; at++) sum += Math.exp(Number(data[at]) - most);
  return 1 / sum;
}
