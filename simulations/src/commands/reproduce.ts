import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { RedisSettings } from '../queue/index.js';
import { collectRun, finalMetric, type ReportedRun, roundsTo } from '../report/index.js';
import {
  columnOf,
  type Finding,
  type FindingRows,
  type PublishedRounds,
  pageOf,
  type ReproductionRows,
  type RoundsRow,
  readList,
  recallRows,
  tablesOf,
} from '../reproductions/index.js';
import { type Candidate, candidatesOf, learns, variantsOf } from './sweep.js';
import { printLine, remark, type Terminal } from './terminal.js';

export interface ReproduceArguments {
  readonly list: string;
  readonly output: string;
  readonly only: string | undefined;
  readonly tableOnly: boolean;
  readonly write: string | undefined;
  readonly workers: number | undefined;
  readonly queue: RedisSettings | undefined;
  readonly json: boolean;
}

/** Runs the listed scenarios, and tells what papers report beside ours. */
export async function reproduceCommand(args: ReproduceArguments, terminal: Terminal): Promise<void> {
  const rows: ReproductionRows[] = [];
  for (const entry of await readList(args.list)) {
    const name = entry.scenario.replace(/\.ya?ml$/, '');
    const candidates = await candidatesFor(entry, name, args);
    for (const candidate of candidates) {
      if (args.tableOnly || terminal.signal.aborted || (args.only && !name.includes(args.only))) continue;
      remark(terminal, `${name}  ${candidate.name}`);
      await learns(candidate, candidate.scenario.stop.rounds, args, terminal);
    }
    rows.push(await rowsOf(entry, name, candidates));
  }
  if (args.json) for (const row of rows) printLine(terminal, JSON.stringify(row));
  else printLine(terminal, tablesOf(rows));
  if (args.write === undefined) return;
  const before = await readFile(args.write, 'utf8').catch(() => '');
  await writeFile(args.write, pageOf(recallRows(rows, before), args.list));
}

function candidatesFor(
  entry: PublishedRounds | Finding,
  name: string,
  args: ReproduceArguments,
): Promise<readonly Candidate[]> {
  const file = join(dirname(resolve(args.list)), entry.scenario);
  const output = join(args.output, name);
  if ('published' in entry) {
    return candidatesOf({ scenario: file, vary: entry.vary, random: undefined, output });
  }
  const variants = Object.entries(entry.variants).map(([variant, settings]) => ({
    name: variant,
    point: Object.entries(settings),
  }));
  return variantsOf(file, variants, output);
}

async function rowsOf(
  entry: PublishedRounds | Finding,
  scenario: string,
  candidates: readonly Candidate[],
): Promise<ReproductionRows> {
  const runs = await Promise.all(candidates.map(({ folder }) => collectRun(folder).catch(() => undefined)));
  const made = candidates.map(({ name }, at) => ({ name, run: emptyAsUndefined(runs[at]) }));
  if ('published' in entry) return roundsRow(entry, scenario, candidates[0], made);
  return {
    kind: 'finding',
    scenario,
    finding: entry,
    variants: made.map(({ name, run }) => ({
      name,
      cells: run === undefined ? undefined : entry.columns.map((column) => columnOf(column, run)),
    })),
  } satisfies FindingRows;
}

const emptyAsUndefined = (run: ReportedRun | undefined): ReportedRun | undefined =>
  run === undefined || run.records.length === 0 ? undefined : run;

function roundsRow(
  { source, published }: PublishedRounds,
  scenario: string,
  first: Candidate,
  made: readonly { readonly name: string; readonly run: ReportedRun | undefined }[],
): RoundsRow {
  const { target } = first.scenario.stop;
  const results = made.flatMap(({ name, run }) =>
    run === undefined || target === null
      ? []
      : [
          {
            name,
            rounds: roundsTo(run, target.metric, target.value),
            after: run.records.length,
            reached: finalMetric(run, target.metric)?.toFixed(4),
          },
        ],
  );
  const best = results
    .filter(({ rounds }) => rounds !== undefined)
    .sort((a, b) => (a.rounds ?? 0) - (b.rounds ?? 0))
    .at(0);
  return {
    kind: 'rounds',
    scenario,
    description: first.scenario.description,
    source,
    published,
    ran: results.length > 0,
    rounds: best?.rounds,
    setting: best?.name,
    remark:
      results.length === 0
        ? 'not run'
        : results.map(({ name, after, reached }) => `${name}: ${reached} after ${after}`).join('; '),
  };
}
