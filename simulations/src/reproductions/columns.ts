/** What is told of a run in a comparison. */
import { finalMetric, type ReportedRun, roundsTo } from '../report/index.js';

export const columnNames = [
  'accuracy',
  'accuracy lately',
  'training loss',
  'rounds to target',
  'hours to target',
  'virtual hours',
  'uploaded MB',
  'epsilon',
  'backdoor',
] as const;

export type ColumnName = (typeof columnNames)[number];

/** Measurements that the mean of late accuracies is over: single rounds swing where few clients are alike. */
const lately = 10;

const columns: Readonly<Record<ColumnName, (run: ReportedRun) => string | undefined>> = {
  accuracy: (run) => finalMetric(run, 'accuracy')?.toFixed(3),
  'accuracy lately': ({ records }) => {
    const measured = records.flatMap(({ test }) => test?.accuracy ?? []).slice(-lately);
    return measured.length === 0
      ? undefined
      : (measured.reduce((sum, value) => sum + value, 0) / measured.length).toFixed(3);
  },
  'training loss': ({ records }) =>
    records.findLast(({ training }) => training.loss !== undefined)?.training.loss?.toFixed(3),
  'rounds to target': (run) => {
    const round = targetRound(run);
    return round === undefined ? `not in ${run.records.length}` : `${round}`;
  },
  'hours to target': (run) => {
    const round = targetRound(run);
    const seconds = run.records.find((record) => record.round === round)?.virtualSeconds;
    return seconds === undefined ? 'not reached' : (seconds / 3600).toFixed(2);
  },
  'virtual hours': ({ records }) => {
    const seconds = records.at(-1)?.virtualSeconds;
    return seconds === undefined ? undefined : (seconds / 3600).toFixed(2);
  },
  'uploaded MB': ({ records }) =>
    (records.reduce((sum, { uploadBytes }) => sum + uploadBytes, 0) / 1e6).toFixed(0),
  epsilon: ({ records }) => records.at(-1)?.epsilon?.toFixed(2) ?? '∞',
  backdoor: ({ records }) => records.findLast(({ backdoor }) => backdoor !== undefined)?.backdoor?.toFixed(3),
};

function targetRound(run: ReportedRun): number | undefined {
  const { target } = run.scenario.stop;
  return target === null ? undefined : roundsTo(run, target.metric, target.value);
}

export const columnOf = (name: ColumnName, run: ReportedRun): string => columns[name](run) ?? '–';
