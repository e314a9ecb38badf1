/** The plots of a report as data: what `page.ts` draws. */
import { lossGraph } from '@starling/engine';
import type { RoundRecord } from '../simulation/record.js';
import type { ReportedRun } from './collect.js';

export interface Line {
  readonly label: string;
  readonly x: readonly number[];
  readonly y: readonly number[];
}

export interface Plot {
  readonly title: string;
  readonly note: string;
  readonly x: string;
  readonly y: string;
  readonly kind: 'lines' | 'bars';
  readonly lines: readonly Line[];
}

type Value = (record: RoundRecord) => number | undefined;

/** Every plot that the runs have something for. */
export function plotsOf(runs: readonly ReportedRun[]): readonly Plot[] {
  const metric =
    (name: string): Value =>
    ({ test }) =>
      test?.[name];
  const curve = (title: string, note: string, y: string, value: Value, x = 'round', of = roundOf): Plot => ({
    title,
    note,
    x,
    y,
    kind: 'lines',
    lines: runs.map((run) => lineOf(run, of, value)),
  });
  const hours: Value = ({ virtualSeconds }) =>
    virtualSeconds === undefined ? undefined : virtualSeconds / 3600;
  const plots: readonly Plot[] = [
    curve(
      'Test accuracy',
      'Share of test examples told right after each round.',
      'accuracy',
      metric('accuracy'),
    ),
    curve('Test loss', 'Mean over the test examples.', 'loss', metric('loss')),
    curve(
      'Training loss',
      'Mean over the examples trained on, while training.',
      'loss',
      ({ training }) => training.loss,
    ),
    curve(
      'Accuracy over virtual time',
      'What devices take, not what this machine took.',
      'accuracy',
      metric('accuracy'),
      'hours',
      hours,
    ),
    ...runs.map(uploadsOf),
    curve(
      'Privacy spent',
      'ε after each round, at the δ of the scenario.',
      'epsilon',
      ({ epsilon }) => epsilon,
    ),
    curve(
      'Backdoor',
      "Share of test examples of other classes that, with the trigger, are taken for the attacker's.",
      'success',
      ({ backdoor }) => backdoor,
    ),
    curve(
      'Updates in a round',
      'Those that were counted, of all that were selected.',
      'updates',
      ({ updates }) => updates,
    ),
    curve('Staleness', 'Mean commits that updates were behind.', 'commits', ({ staleness }) => staleness),
    ...runs.map(fairnessOf),
    ...(['accuracy', 'loss'] as const).map((name) =>
      histogram(
        `Clients by ${name}`,
        'The last model on what each client held out.',
        name,
        'clients',
        runs.filter((run) => clientMetricOf(run) === name),
        ({ lastClients }) => lastClients?.values ?? [],
      ),
    ),
    histogram(
      'Participation',
      'Rounds that each client was part of.',
      'rounds',
      'clients',
      runs,
      ({ participation }) => participation,
    ),
  ];
  return plots
    .map((plot) => ({ ...plot, lines: plot.lines.filter(({ x }) => x.length > 0) }))
    .filter(({ lines }) => lines.length > 0);
}

const roundOf: Value = ({ round }) => round;

function lineOf({ label, records }: ReportedRun, of: Value, value: Value): Line {
  const points = records.flatMap((record) => {
    const [x, y] = [of(record), value(record)];
    return x === undefined || y === undefined ? [] : [[x, y] as const];
  });
  return { label, x: points.map(([x]) => x), y: points.map(([, y]) => y) };
}

function uploadsOf(run: ReportedRun): Plot {
  const total = (field: 'uploadBytes' | 'downloadBytes'): Line => {
    let sum = 0;
    return {
      label: field === 'uploadBytes' ? 'sent by devices' : 'sent to devices',
      x: run.records.map(({ round }) => round),
      y: run.records.map((record) => {
        sum += record[field];
        return sum / 1e6;
      }),
    };
  };
  return {
    title: `Bytes: ${run.label}`,
    note: 'Since the start, lost work included.',
    x: 'round',
    y: 'MB',
    kind: 'lines',
    lines: [total('uploadBytes'), total('downloadBytes')],
  };
}

/** What clients are compared by. */
const clientMetricOf = ({ scenario }: ReportedRun): 'accuracy' | 'loss' =>
  lossGraph(scenario.training.loss).metricNames.includes('accuracy') ? 'accuracy' : 'loss';

function fairnessOf(run: ReportedRun): Plot {
  const of = (label: string, value: Value): Line => ({ ...lineOf(run, roundOf, value), label });
  return {
    title: `Fairness: ${run.label}`,
    note: 'How the model serves the best, the mean and the worst tenth of clients.',
    x: 'round',
    y: clientMetricOf(run),
    kind: 'lines',
    lines: [
      of('best tenth', ({ clients }) => clients?.bestTenth),
      of('mean', ({ clients }) => clients?.mean),
      of('worst tenth', ({ clients }) => clients?.worstTenth),
    ],
  };
}

const binsMax = 24;

function histogram(
  title: string,
  note: string,
  x: string,
  y: string,
  runs: readonly ReportedRun[],
  valuesOf: (run: ReportedRun) => readonly number[],
): Plot {
  const all = runs.map((run) => ({ label: run.label, values: valuesOf(run) }));
  const flat = all.flatMap(({ values }) => values);
  if (flat.length === 0) return { title, note, x, y, kind: 'bars', lines: [] };
  const [least, most] = [flat.reduce((a, b) => Math.min(a, b)), flat.reduce((a, b) => Math.max(a, b))];
  const width = (most - least) / binsMax || 1;
  // Whole numbers get whole bins, so that none of them is empty by arithmetic alone.
  const step = flat.every(Number.isInteger) ? Math.max(1, Math.ceil(width)) : width;
  const bins = Math.floor((most - least) / step) + 1;
  const centres = Array.from({ length: bins }, (_, bin) => least + bin * step);
  return {
    title,
    note,
    x,
    y,
    kind: 'bars',
    lines: all.map(({ label, values }) => {
      const counts = centres.map(() => 0);
      for (const value of values) counts[Math.min(bins - 1, Math.floor((value - least) / step))] += 1;
      return { label, x: values.length === 0 ? [] : centres, y: counts };
    }),
  };
}
