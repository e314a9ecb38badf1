/** The page that shows papers' figures beside ours. */
import type { Finding } from './list.js';

export interface RoundsRow {
  readonly kind: 'rounds';
  readonly scenario: string;
  readonly description: string;
  readonly source: string;
  readonly published: number;
  /** Whether there is a run of it. */
  readonly ran: boolean;
  /** Rounds of the best candidate that reached the target. */
  readonly rounds: number | undefined;
  readonly setting: string | undefined;
  /** What the candidates came to where none reached it. */
  readonly remark: string;
}

export interface FindingRows {
  readonly kind: 'finding';
  readonly scenario: string;
  readonly finding: Finding;
  readonly variants: readonly {
    readonly name: string;
    /** One for each column; undefined where it was not run. */
    readonly cells: readonly string[] | undefined;
  }[];
}

export type ReproductionRows = RoundsRow | FindingRows;

export function tablesOf(rows: readonly ReproductionRows[]): string {
  const rounds = rows.filter((row) => row.kind === 'rounds');
  const findings = rows.filter((row) => row.kind === 'finding');
  return [roundsTable(rounds), ...findings.map(sectionOf)].join('\n\n');
}

function roundsTable(rows: readonly RoundsRow[]): string {
  const cells = rows.map(
    ({ scenario, description, source, published, rounds, setting, remark }) =>
      `| ${linkTo(scenario)} | ${description.replace(/^[^:]*: /, '')} | ${source} | ${published} | ${rounds ?? '–'} | ${rounds === undefined ? remark : setting} |`,
  );
  return [
    '| scenario | what | source | published rounds | our rounds | of which setting |',
    '| --- | --- | --- | --- | --- | --- |',
    ...cells,
  ].join('\n');
}

export const linkTo = (scenario: string): string =>
  `[${scenario}](../simulations/scenarios/${scenario}.yaml)`;

function sectionOf({ scenario, finding, variants }: FindingRows): string {
  const { title, source, reports, columns } = finding;
  const lines = variants.map(
    ({ name, cells }) => `| ${[name, ...(cells ?? columns.map(() => 'not run'))].join(' | ')} |`,
  );
  return [
    `## ${title}\n`,
    `${source}. ${reports.trim()}\n`,
    `${linkTo(scenario)}:\n`,
    `| variant | ${columns.join(' | ')} |`,
    `| --- |${' --- |'.repeat(columns.length)}`,
    ...lines,
  ].join('\n');
}

export function pageOf(rows: readonly ReproductionRows[], list: string): string {
  return `# Reproductions

What papers report and what the simulator measures, side by side. This page is written by a command; the scenarios and
the published figures stand in [the list](../${list}):

\`\`\`sh
starling-sim reproduce ${list} --write docs/reproductions.md
\`\`\`

Where the setting is the paper's own, the first table has its figure beside ours. Rounds are those until the test accuracy
first reaches the target; it is measured after every round. McMahan et al. take the best accuracy so far and interpolate
between measurements: their curve crosses the target within the round that we count, so that ours is their count rounded up.
A figure that could not be compared with a copy of the paper says so beside its source. Of a scenario's grid of learning rates
the best counts, as in the papers. Where there is a dash, the last column says how far our runs have come.

The sections after it are of findings that papers made on other data sets or larger models: no figure of theirs stands
there, since only the direction can be compared. Every row is one run with one seed; "accuracy lately" is the mean of the
last ten measurements, and hours are virtual ones.

${tablesOf(rows)}
`;
}
