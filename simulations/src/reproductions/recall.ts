/** What a page of before says of runs that are not there now: they take hours, and one more scenario must not cost them. */
import { type FindingRows, linkTo, type ReproductionRows, type RoundsRow } from './page.js';

/** The rows, those that were not run with the figures that `page` has of them. What the list says is the list's. */
export function recallRows(rows: readonly ReproductionRows[], page: string): readonly ReproductionRows[] {
  const lines = page.split('\n');
  return rows.map((row) => (row.kind === 'rounds' ? recallRounds(row, lines) : recallFinding(row, lines)));
}

function recallRounds(row: RoundsRow, lines: readonly string[]): RoundsRow {
  if (row.ran) return row;
  const known = cellsOf(lines.find((line) => line.startsWith(`| ${linkTo(row.scenario)} |`)));
  const [rounds, last] = known.slice(-2);
  if (last === undefined) return row;
  return /^\d+$/.test(rounds) ? { ...row, rounds: Number(rounds), setting: last } : { ...row, remark: last };
}

function recallFinding(row: FindingRows, lines: readonly string[]): FindingRows {
  const { title, columns } = row.finding;
  const begins = lines.indexOf(`## ${title}`);
  if (begins < 0) return row;
  const rest = lines.slice(begins + 1);
  const ends = rest.findIndex((line) => line.startsWith('## '));
  const section = ends < 0 ? rest : rest.slice(0, ends);
  // Cells of other columns would stand under the wrong heads.
  if (!section.includes(`| ${['variant', ...columns].join(' | ')} |`)) return row;
  const variants = row.variants.map(({ name, cells }) => {
    const [, ...known] = cellsOf(section.find((line) => line.startsWith(`| ${name} |`)));
    return { name, cells: cells ?? (known.length === columns.length ? known : undefined) };
  });
  return { ...row, variants };
}

const cellsOf = (line = ''): readonly string[] => line.replace(/^\| | \|$/g, '').split(' | ');
