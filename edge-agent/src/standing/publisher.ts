/** Writes the standing whenever it changed: one write at a time, and what changed meanwhile goes into the next. */
import type { Clock } from '@starling/federation';
import type { Log } from '../connection/shell.js';
import { writeFileDurable } from '../state/atomic-file.js';
import { type PublishedStanding, standingPath } from './published.js';
import type { Standing } from './standing.js';

export interface PublisherOptions {
  readonly stateFolder: string;
  readonly processId: number;
  readonly clock: Clock;
  readonly log: Log;
}

export interface StandingPublisher {
  publish(standing: Standing): void;
  /** Settles when the last standing is written. */
  close(): Promise<void>;
}

/** Shortest time between two writes: a coordinator that fails at once must not wear a flash disk out. */
const everyMsMin = 1_000;

export function createPublisher({ stateFolder, processId, clock, log }: PublisherOptions): StandingPublisher {
  let newest: Standing | undefined;
  let writing: Promise<void> | undefined;
  let timer: { cancel(): void } | undefined;
  let hasFailed = false;
  let isClosed = false;

  const write = async (): Promise<void> => {
    const standing = newest;
    newest = undefined;
    if (standing === undefined) return;
    const published: PublishedStanding = { processId, atMs: clock.now(), ...copied(standing) };
    try {
      await writeFileDurable(standingPath(stateFolder), `${JSON.stringify(published)}\n`);
      hasFailed = false;
    } catch (error) {
      // Said once: on a full disk it would be said with every change.
      if (!hasFailed)
        log.warn({ why: String(error) }, 'What "status" tells of this agent could not be written.');
      hasFailed = true;
    }
  };

  const start = (): void => {
    timer = undefined;
    writing = write().then(() => {
      writing = undefined;
      if (isClosed) return;
      timer = clock.schedule(everyMsMin, () => {
        timer = undefined;
        if (newest !== undefined) start();
      });
    });
  };

  return {
    publish(standing) {
      newest = standing;
      if (writing === undefined && timer === undefined) start();
    },
    async close() {
      isClosed = true;
      timer?.cancel();
      await writing;
      await write();
    },
  };
}

/** What is read back has arrays of its own. */
function copied({
  connection,
  training,
  lastRound,
}: Standing): Omit<PublishedStanding, 'processId' | 'atMs'> {
  return { connection, training: { ...training, reasons: [...training.reasons] }, lastRound };
}
