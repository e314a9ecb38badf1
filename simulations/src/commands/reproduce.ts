import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { parse } from 'yaml';
import * as z from 'zod';
import { SimulationError } from '../errors.js';
import { collectRun, finalMetric, roundsTo } from '../report/index.js';
import { type Candidate, candidatesOf, runTo } from './sweep.js';
import { printLine, remark, type Terminal } from './terminal.js';

export interface ReproduceArguments {
  readonly list: string;
  readonly output: string;
  readonly only: string | undefined;
  readonly tableOnly: boolean;
  readonly write: string | undefined;
  readonly workers: number | undefined;
  readonly json: boolean;
}

const listSchema = z.array(
  z.strictObject({
    scenario: z.string(),
    source: z.string(),
    /** Rounds to the scenario's target. */
    published: z.int().min(1),
    vary: z.array(z.string()).default([]),
  }),
);

interface Row {
  readonly scenario: string;
  readonly description: string;
  readonly source: string;
  readonly published: number;
  /** Rounds of the best candidate that reached the target. */
  readonly rounds: number | undefined;
  readonly setting: string | undefined;
  /** What the candidates came to where none reached it. */
  readonly remark: string;
}

/** Runs the listed scenarios, and tells the published figure beside ours: the best of each one's grid. */
export async function reproduceCommand(args: ReproduceArguments, terminal: Terminal): Promise<void> {
  const list = listSchema.safeParse(parse(await readFile(args.list, 'utf8')));
  if (!list.success) {
    throw new SimulationError(
      'simulation/usage',
      `${args.list} is no list of reproductions: ${z.prettifyError(list.error)}`,
      'See simulations/scenarios/reproductions.yaml.',
    );
  }
  const rows: Row[] = [];
  for (const { scenario: file, source, published, vary } of list.data) {
    const scenario = join(dirname(resolve(args.list)), file);
    const name = file.replace(/\.ya?ml$/, '');
    const candidates = await candidatesOf({
      scenario,
      vary,
      random: undefined,
      output: join(args.output, name),
    });
    for (const candidate of candidates) {
      if (args.tableOnly || terminal.signal.aborted || (args.only && !name.includes(args.only))) continue;
      remark(terminal, `${name}  ${candidate.name}`);
      await runTo(candidate, candidate.scenario.stop.rounds, args, terminal);
    }
    rows.push(await rowOf(name, source, published, candidates));
  }
  if (args.json) for (const row of rows) printLine(terminal, JSON.stringify(row));
  else printLine(terminal, tableOf(rows));
  if (args.write !== undefined) await writeFile(args.write, pageOf(rows, args.list));
}

async function rowOf(
  scenario: string,
  source: string,
  published: number,
  candidates: readonly Candidate[],
): Promise<Row> {
  const results = await Promise.all(candidates.map(resultOf));
  const made = results.flatMap((result) => result ?? []);
  const reached = made.filter(({ rounds }) => rounds !== undefined);
  const best = reached.reduce<(typeof reached)[number] | undefined>(
    (first, other) => ((other.rounds ?? 0) < (first?.rounds ?? Number.POSITIVE_INFINITY) ? other : first),
    undefined,
  );
  const [{ scenario: settings }] = candidates;
  return {
    scenario,
    description: settings.description,
    source,
    published,
    rounds: best?.rounds,
    setting: best?.name,
    remark:
      made.length === 0
        ? 'not run'
        : made.map(({ name, after, accuracy }) => `${name}: ${accuracy} after ${after}`).join('; '),
  };
}

async function resultOf({ name, folder, scenario }: Candidate) {
  const run = await collectRun(folder).catch(() => undefined);
  const { target } = scenario.stop;
  if (run === undefined || target === null || run.records.length === 0) return undefined;
  return {
    name,
    rounds: roundsTo(run, target.metric, target.value),
    after: run.records.length,
    accuracy: finalMetric(run, target.metric)?.toFixed(4),
  };
}

function tableOf(rows: readonly Row[]): string {
  const cells = rows.map(
    ({ scenario, description, source, published, rounds, setting, remark: made }) =>
      `| [${scenario}](../simulations/scenarios/${scenario}.yaml) | ${description.replace(`${source}: `, '')} | ${source} | ${published} | ${rounds ?? '–'} | ${rounds === undefined ? made : setting} |`,
  );
  return [
    '| scenario | what | source | published rounds | our rounds | of which setting |',
    '| --- | --- | --- | --- | --- | --- |',
    ...cells,
  ].join('\n');
}

function pageOf(rows: readonly Row[], list: string): string {
  return `# Reproductions

What papers report and what the simulator measures, side by side. This page is written by a command; the scenarios and
the published figures stand in [the list](../${list}):

\`\`\`sh
starling-sim reproduce ${list} --write docs/reproductions.md
\`\`\`

Rounds are those until the test accuracy first reaches the target. Of a scenario's grid of learning rates the best counts,
as in the papers. Where there is a dash, the last column says how far our runs have come.

${tableOf(rows)}
`;
}
