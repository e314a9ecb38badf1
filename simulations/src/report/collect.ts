/** What a report shows of a run, from its folder. */
import { basename } from 'node:path';
import {
  type ClientRow,
  type RunInfo,
  readClientRows,
  readParticipation,
  readRecords,
  readRunInfo,
  readRunScenario,
  readTimings,
} from '../run-folder/index.js';
import type { Scenario } from '../scenario/index.js';
import type { RoundRecord } from '../simulation/record.js';

export interface ReportedRun {
  readonly label: string;
  readonly info: RunInfo;
  readonly scenario: Scenario;
  readonly records: readonly RoundRecord[];
  readonly lastClients: ClientRow | undefined;
  readonly participation: readonly number[];
  readonly medianSeconds: number | undefined;
}

export async function collectRun(path: string): Promise<ReportedRun> {
  const [info, scenario, records, clients, timings, participation] = await Promise.all([
    readRunInfo(path),
    readRunScenario(path),
    readRecords(path),
    readClientRows(path),
    readTimings(path),
    readParticipation(path).catch(() => new Uint32Array(0)),
  ]);
  const seconds = timings.map((row) => row.seconds).sort((a, b) => a - b);
  return {
    label: basename(path),
    info,
    scenario,
    records,
    lastClients: clients.at(-1),
    participation: [...participation],
    medianSeconds: seconds.at(Math.floor(seconds.length / 2)),
  };
}

/** The newest value of a metric, on the test examples where there are any. */
export function finalMetric({ records }: Pick<ReportedRun, 'records'>, metric: string): number | undefined {
  const measured = records.findLast(({ test }) => test?.[metric] !== undefined);
  return measured?.test?.[metric] ?? records.at(-1)?.training[metric];
}

/** The first round after which the metric was at least (for accuracy) or at most the value. */
export function roundsTo(
  { records }: Pick<ReportedRun, 'records'>,
  metric: string,
  value: number,
): number | undefined {
  return records.find(({ test }) => {
    const found = test?.[metric];
    return found !== undefined && (metric === 'accuracy' ? found >= value : found <= value);
  })?.round;
}

/** What is compared between runs, by name; absent where a run has no such thing. */
export function summaryOf(run: ReportedRun): Readonly<Record<string, number | string>> {
  const { records, scenario, info, medianSeconds } = run;
  const last = records.at(-1);
  const total = (field: 'uploadBytes' | 'downloadBytes'): number =>
    records.reduce((sum, record) => sum + record[field], 0);
  const best = records.reduce((most, { test }) => Math.max(most, test?.accuracy ?? most), -Infinity);
  const entries: readonly (readonly [string, number | string | undefined])[] = [
    ['strategy', scenario.strategy.kind],
    ['partition', scenario.partition.kind],
    ['seed', info.seed],
    ['rounds', last?.round],
    ['accuracy', finalMetric(run, 'accuracy')],
    ['best accuracy', Number.isFinite(best) ? best : undefined],
    ['loss', finalMetric(run, 'loss')],
    ['worst tenth', records.findLast(({ clients }) => clients)?.clients?.worstTenth],
    ['client stddev', records.findLast(({ clients }) => clients)?.clients?.stddev],
    ['backdoor', records.findLast(({ backdoor }) => backdoor !== undefined)?.backdoor],
    ['epsilon', last?.epsilon],
    ['uploaded MB', total('uploadBytes') / 1e6],
    ['downloaded MB', total('downloadBytes') / 1e6],
    ['virtual hours', last?.virtualSeconds === undefined ? undefined : last.virtualSeconds / 3600],
    ['seconds a round', medianSeconds],
    ['checkpoint', info.checkpoint?.slice(0, 12)],
  ];
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}
