import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import Table from 'cli-table3';
import { collectRun, formatValue, type ReportedRun, reportPage, summaryOf } from '../report/index.js';
import { printLine, type Terminal } from './terminal.js';

export interface ReportArguments {
  readonly runs: readonly string[];
  readonly output: string | undefined;
  readonly json: boolean;
}

const collect = (paths: readonly string[]): Promise<readonly ReportedRun[]> =>
  Promise.all(paths.map((path) => collectRun(resolve(path))));

/** Writes the report of one run into its folder, of several where it was told. */
export async function reportCommand(
  { runs, output, json }: ReportArguments,
  terminal: Terminal,
): Promise<void> {
  const collected = await collect(runs);
  const path = resolve(output ?? (runs.length === 1 ? join(runs[0], 'report.html') : 'comparison.html'));
  await writeFile(path, await reportPage(collected));
  printLine(terminal, json ? JSON.stringify({ report: path }) : path);
}

/** A table: a row for each number, a column for each run. */
export async function compareCommand({ runs, json }: ReportArguments, terminal: Terminal): Promise<void> {
  const collected = await collect(runs);
  const summaries = collected.map(summaryOf);
  if (json) {
    for (const [index, { label }] of collected.entries()) {
      printLine(terminal, JSON.stringify({ run: label, ...summaries[index] }));
    }
    return;
  }
  const table = new Table({
    head: ['', ...collected.map(({ label }) => label)],
    style: { head: [], border: [] },
    colAligns: ['left', ...collected.map(() => 'right' as const)],
  });
  for (const name of new Set(summaries.flatMap((summary) => Object.keys(summary)))) {
    const cells = summaries.map((summary) => (name in summary ? formatValue(summary[name]) : ''));
    table.push([name, ...cells]);
  }
  printLine(terminal, table.toString());
}
