import type { RunEvent } from '@starling/proto';
import cliProgress from 'cli-progress';
import { formatBytes, formatDuration, formatMetric } from './format.js';
import { advance, elapsedMs, newest, noProgress, type RunProgress } from './run-progress.js';
import { drawsBars, printJson, remark, type Terminal } from './terminal.js';

/** Shows a run while it happens. */
export interface RunView {
  readonly progress: RunProgress;
  show(event: RunEvent): void;
  /** Leaves the last state on the screen. */
  close(): void;
}

export type RunViewStyle = 'bars' | 'lines' | 'json' | 'silent';

/** Bars where the terminal can draw them, lines where not; JSON where it was asked for. */
export function styleFor(terminal: Terminal, json: boolean): RunViewStyle {
  if (json) return 'json';
  return drawsBars(terminal) ? 'bars' : 'lines';
}

export function createRunView(terminal: Terminal, style: RunViewStyle, roundsTarget: number): RunView {
  const screen = style === 'bars' ? bars(terminal, roundsTarget) : undefined;
  let progress = noProgress;
  return {
    get progress() {
      return progress;
    },
    show(event) {
      progress = advance(progress, event);
      if (style === 'json') printJson(terminal, eventJson(event));
      if (style === 'lines') {
        const line = describeEvent(event, progress, roundsTarget);
        if (line !== undefined) remark(terminal, line);
      }
      screen?.draw(progress);
    },
    close: () => screen?.close(),
  };
}

function bars(terminal: Terminal, roundsTarget: number) {
  const columns = terminal.err.columns ?? 80;
  // A line longer than the terminal is cut, and what it ends with is when the run will be done.
  const narrow = columns < 100;
  const multi = new cliProgress.MultiBar(
    {
      stream: terminal.err,
      hideCursor: true,
      clearOnComplete: false,
      gracefulExit: false,
      emptyOnZero: true,
      autopadding: true,
      barsize: Math.max(10, Math.min(30, columns - (narrow ? 69 : 83))),
    },
    cliProgress.Presets.shades_classic,
  );
  const rounds = multi.create(roundsTarget, 0, describeProgress(noProgress), {
    format: ` rounds  {bar} {value}/{total}  accuracy {accuracy}  ${narrow ? '' : 'loss {loss}  '}{bytes}  {time}{left}`,
  });
  const updates = multi.create(1, 0, { what: 'waiting' }, { format: ' {what} {bar} {value}/{total}' });
  return {
    draw(progress: RunProgress): void {
      rounds.update(progress.roundsCommitted, {
        ...describeProgress(progress),
        left: remaining(progress, roundsTarget),
      });
      updates.setTotal(Math.max(progress.wanted, 1));
      const what = progress.ended ? 'ended  ' : progress.purpose === 'train' ? 'updates' : 'reports';
      updates.update(progress.counted, { what });
    },
    close(): void {
      multi.stop();
    },
  };
}

function describeProgress(progress: RunProgress): Record<string, string> {
  const metric = (name: string): string => {
    const value = newest(progress, name);
    return value === undefined ? '–' : formatMetric(value);
  };
  return {
    accuracy: metric('accuracy'),
    loss: metric('loss'),
    bytes: formatBytes(progress.bytesUploaded),
    time: formatDuration(elapsedMs(progress)),
    left: '',
  };
}

function remaining(progress: RunProgress, roundsTarget: number): string {
  const { roundsCommitted } = progress;
  if (roundsCommitted === 0 || roundsCommitted >= roundsTarget || progress.ended) return '';
  const left = (elapsedMs(progress) / roundsCommitted) * (roundsTarget - roundsCommitted);
  return `, ${formatDuration(left)} left`;
}

/** A line for a log; events of single updates are too many for one. */
export function describeEvent(
  event: RunEvent,
  progress: RunProgress,
  roundsTarget: number,
): string | undefined {
  const time = formatDuration(elapsedMs(progress));
  switch (event.kind?.kind) {
    case 'roundCommitted': {
      const { round, updates, bytesUploaded } = event.kind.value;
      if (progress.purpose === 'evaluate')
        return `[${time}] round ${round?.round}: ${updates} devices evaluated it`;
      return `[${time}] round ${round?.round}/${roundsTarget} committed: ${updates} updates, ${formatBytes(bytesUploaded)}`;
    }
    case 'metricsMeasured': {
      const { round, metrics } = event.kind.value;
      const values = metrics.map(({ name, source, value }) => `${name} ${formatMetric(value)} (${source})`);
      return `[${time}] after round ${round}: ${values.join(', ')}`;
    }
    case 'roundAbandoned': {
      const { round, reason } = event.kind.value;
      return `[${time}] round ${round?.round}, attempt ${round?.attempt} abandoned: ${reason}`;
    }
    case 'deviceFailed': {
      const { deviceId, message } = event.kind.value;
      return `[${time}] device ${deviceId} cannot take part: ${message}`;
    }
    case 'runEnded': {
      const { state, reason } = event.kind.value;
      return `[${time}] run ${state}: ${reason}`;
    }
    case 'runResumed':
      return `[${time}] run resumed`;
    default:
      return undefined;
  }
}

/** One event for programs: `{"sequence":3,"atMs":…,"event":"roundCommitted","round":1,"attempt":1,…}`. */
export function eventJson({ sequence, atMs, kind }: RunEvent): object {
  if (kind === undefined) return { sequence, atMs, event: 'unknown' };
  if (kind.kind === 'metricsMeasured' || kind.kind === 'runEnded' || kind.kind === 'runResumed') {
    return { sequence, atMs, event: kind.kind, ...kind.value };
  }
  const { round: key, ...rest } = kind.value;
  const shown =
    'checkpoint' in rest && rest.checkpoint
      ? { ...rest, checkpoint: Buffer.from(rest.checkpoint.sha256).toString('hex') }
      : rest;
  return { sequence, atMs, event: kind.kind, round: key?.round, attempt: key?.attempt, ...shown };
}
