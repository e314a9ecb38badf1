import cliProgress from 'cli-progress';
import type { RoundRecord } from '../simulation/record.js';
import { drawsBars, printLine, remark, type Terminal } from './terminal.js';

/** Shows a run while it happens: a bar, a line now and then, or JSON for programs. */
export interface RunProgress {
  show(record: RoundRecord): void;
  close(): void;
}

/** Without a bar, a line is written this often at most, and for the last round. */
const lineEveryMs = 5000;

export function runProgress(
  terminal: Terminal,
  style: { readonly json: boolean; readonly quiet?: boolean },
  roundsTarget: number,
  name: string,
): RunProgress {
  if (style.json) {
    return { show: (record) => printLine(terminal, JSON.stringify(record)), close: () => undefined };
  }
  if (style.quiet) return { show: () => undefined, close: () => undefined };
  if (!drawsBars(terminal)) return lines(terminal, roundsTarget, name);
  const bar = new cliProgress.SingleBar(
    {
      stream: terminal.err,
      hideCursor: true,
      gracefulExit: false,
      etaBuffer: 50,
      format: ` ${name}  {bar} {value}/{total} rounds  {metrics}  {duration_formatted}, {eta_formatted} left`,
    },
    cliProgress.Presets.shades_classic,
  );
  bar.start(roundsTarget, 0, { metrics: '' });
  let metrics = '';
  return {
    show(record) {
      metrics = describe(record, metrics);
      bar.update(record.round, { metrics });
    },
    close: () => bar.stop(),
  };
}

function lines(terminal: Terminal, roundsTarget: number, name: string): RunProgress {
  let shownAt = Number.NEGATIVE_INFINITY;
  let pending: string | undefined;
  let metrics = '';
  return {
    show(record) {
      metrics = describe(record, metrics);
      pending = `${name}: round ${record.round}/${roundsTarget}  ${metrics}`;
      const now = terminal.clock.monotonic();
      if (now - shownAt < lineEveryMs) return;
      shownAt = now;
      remark(terminal, pending);
      pending = undefined;
    },
    close() {
      if (pending !== undefined) remark(terminal, pending);
    },
  };
}

/** The newest measurement, which not every round has. */
function describe({ test, training }: RoundRecord, before: string): string {
  const [source, values] = test === undefined ? ['training', training] : ['test', test];
  if (test === undefined && before.includes('(test)')) return before;
  return Object.entries(values)
    .map(([metric, value]) => `${metric} ${value.toFixed(4)}`)
    .concat(`(${source})`)
    .join('  ');
}
