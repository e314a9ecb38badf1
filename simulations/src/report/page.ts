/** One HTML file that needs no network: data, styles and uPlot are in it. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type ReportedRun, summaryOf } from './collect.js';
import { plotsOf } from './series.js';

export async function reportPage(runs: readonly ReportedRun[]): Promise<string> {
  const uplot = dirname(createRequire(import.meta.url).resolve('uplot'));
  const [library, styles] = await Promise.all([
    readFile(join(uplot, 'uPlot.iife.min.js'), 'utf8'),
    readFile(join(uplot, 'uPlot.min.css'), 'utf8'),
  ]);
  const title = runs.length === 1 ? runs[0].info.name : `${runs.length} runs compared`;
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:">
<title>${escapeHtml(title)}</title>
<style>${styles}${ownStyles}</style>
<header><h1>${escapeHtml(title)}</h1><p>${escapeHtml(subtitleOf(runs))}</p></header>
<main>
${summaryTable(runs)}
<section id="plots"></section>
${runs.map(scenarioDetails).join('\n')}
</main>
<script>${library.replaceAll('</script', '<\\/script')}</script>
<script type="application/json" id="data">${embedded(plotsOf(runs))}</script>
<script>${ownScript}</script>
</html>
`;
}

function subtitleOf(runs: readonly ReportedRun[]): string {
  if (runs.length > 1) return runs.map(({ label }) => label).join(', ');
  const [{ scenario, info }] = runs;
  return `${scenario.description}${scenario.description === '' ? '' : ' · '}${info.clients} clients, ${info.parameterCount} parameters`;
}

/** Metrics as rows, so that a column is a run. */
function summaryTable(runs: readonly ReportedRun[]): string {
  const summaries = runs.map(summaryOf);
  const names = [...new Set(summaries.flatMap((summary) => Object.keys(summary)))];
  const cell = (value: number | string | undefined): string =>
    `<td>${value === undefined ? '' : escapeHtml(formatValue(value))}</td>`;
  const head = runs.map(({ label }) => `<th>${escapeHtml(label)}</th>`).join('');
  const rows = names.map(
    (name) =>
      `<tr><th>${escapeHtml(name)}</th>${summaries.map((summary) => cell(summary[name])).join('')}</tr>`,
  );
  return `<table><thead><tr><th></th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table>`;
}

/** Four digits, and whole numbers whole. */
export function formatValue(value: number | string): string {
  if (typeof value === 'string') return value;
  return Number.isInteger(value) ? value.toLocaleString('en') : Number(value.toPrecision(4)).toString();
}

function scenarioDetails({ label, scenario, info }: ReportedRun): string {
  const text = JSON.stringify({ scenario, versions: info.versions }, undefined, 2);
  return `<details><summary>Scenario of ${escapeHtml(label)}</summary><pre>${escapeHtml(text)}</pre></details>`;
}

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => entities[character]);
}

/** JSON that cannot end the script element it stands in. */
const embedded = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

const ownStyles = `
body{font:15px/1.5 system-ui,sans-serif;margin:0 auto;max-width:1180px;padding:24px;color:#1c2430;background:#fff}
h1{font-size:24px;margin:0}header p{color:#5b6675;margin:4px 0 20px}
table{border-collapse:collapse;margin-bottom:24px;font-variant-numeric:tabular-nums}
th,td{padding:3px 14px 3px 0;text-align:right;border-bottom:1px solid #e6e9ee}
tbody th,thead th:first-child{text-align:left;font-weight:500;color:#5b6675}
#plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(520px,1fr));gap:24px}
figure{margin:0;padding:14px;border:1px solid #e6e9ee;border-radius:8px;overflow:hidden}
figcaption b{display:block}figcaption{color:#5b6675;font-size:13px;margin-bottom:6px}figcaption b{color:#1c2430;font-size:15px}
details{margin-top:20px}pre{overflow:auto;background:#f5f7fa;padding:14px;border-radius:8px;font-size:12px}
.u-legend{font-size:13px}
`;

/** Runs in the page; the colours are Okabe and Ito's, which everybody can tell apart. */
const ownScript = `
const colors = ['#0072b2','#d55e00','#009e73','#cc79a7','#e69f00','#56b4e9','#000000'];
const number = (value) => value == null ? '–' : Number(value.toPrecision(5)).toString();
for (const plot of JSON.parse(document.getElementById('data').textContent)) {
  const figure = document.createElement('figure');
  const caption = document.createElement('figcaption');
  const title = document.createElement('b');
  title.textContent = plot.title;
  caption.append(title, plot.note);
  figure.append(caption);
  document.getElementById('plots').append(figure);
  const data = uPlot.join(plot.lines.map((line) => [line.x, line.y]));
  const bars = plot.kind === 'bars';
  const half = data[0].length > 1 ? (data[0][1] - data[0][0]) / 2 : 0.5;
  new uPlot({
    width: Math.max(320, figure.clientWidth - 28),
    height: 260,
    scales: { x: { time: false, range: bars ? (u, low, high) => [low - half, high + half] : undefined }, y: { range: bars ? (u, low, high) => [0, high * 1.05 || 1] : undefined } },
    axes: [{ label: plot.x, labelSize: 20 }, { label: plot.y, labelSize: 20, size: 64 }],
    series: [
      { label: plot.x, value: (u, value) => number(value) },
      ...plot.lines.map((line, index) => {
        const color = colors[index % colors.length];
        return {
          label: line.label,
          stroke: color,
          width: bars ? 1 : 2,
          fill: bars ? color + '55' : undefined,
          spanGaps: true,
          points: { show: !bars && line.x.length < 40 },
          paths: bars ? uPlot.paths.bars({ size: [0.8] }) : undefined,
          value: (u, value) => number(value),
        };
      }),
    ],
  }, data, figure);
}
document.body.dataset.drawn = document.querySelectorAll('.uplot').length;
`;
