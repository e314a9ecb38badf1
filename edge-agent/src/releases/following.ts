/** Tells the coordinator how the releases do, and hears what it wants, again and again. */
import { type Clock, delay, type Entropy, ReleaseError, uniform } from '@starling/federation';
import type { Log } from '../connection/shell.js';
import { CallError } from '../connection/transport.js';
import { AgentError } from '../errors.js';
import type { WantedRelease } from './events.js';
import type { ReleaseSettings, ReleaseTransport } from './ports.js';
import type { ReleaseReport } from './state.js';

export interface FollowOptions {
  readonly report: () => readonly ReleaseReport[];
  /** What is to be done before each report. */
  readonly before: () => Promise<void>;
  readonly onWanted: (wanted: readonly WantedRelease[], signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly settings: ReleaseSettings;
}

export interface Following {
  /** Reports at the next opportunity. */
  reportNow(): void;
  /** Goes on until the signal aborts. Throws what is no failure of the coordinator or of what it said. */
  run(remote: ReleaseTransport, signal: AbortSignal): Promise<void>;
}

/** No release has another kind of name. */
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const wantedMax = 64;
/** Shortest time between two reports. */
const reportMsMin = 100;

export function createFollowing(options: FollowOptions): Following {
  const { report, before, onWanted, clock, entropy, log, settings } = options;
  let isReportDue = false;
  let wake = (): void => {};
  return {
    reportNow() {
      isReportDue = true;
      wake();
    },
    async run(remote, signal) {
      let failures = 0;
      while (!signal.aborted) {
        isReportDue = false;
        let waitMs: number;
        try {
          await before();
          const { wanted, reportAgainMs } = await remote.reportReleases(report(), signal);
          failures = 0;
          waitMs = Math.min(Math.max(reportAgainMs, reportMsMin), settings.reportMsMax);
          const known = wanted.slice(0, wantedMax).filter(({ name }) => namePattern.test(name));
          await onWanted(known, signal);
        } catch (error) {
          if (signal.aborted) return;
          const isExpected = [CallError, ReleaseError, AgentError].some((kind) => error instanceof kind);
          if (!(isExpected && error instanceof Error)) throw error;
          if (failures === 0) log.warn({}, `Nothing is heard of releases. ${error.message}`);
          waitMs = Math.min(settings.retryMsMin * 2 ** failures, settings.retryMsMax);
          failures = Math.min(failures + 1, 20);
        }
        // Not all devices of a fleet at once.
        const drawnMs = waitMs * (0.9 + 0.2 * uniform(entropy));
        const stop = new AbortController();
        wake = () => stop.abort();
        if (isReportDue && failures === 0) await delay(clock, reportMsMin, signal).catch(() => {});
        else await delay(clock, drawnMs, AbortSignal.any([signal, stop.signal])).catch(() => {});
      }
    },
  };
}
