/**
 * The health check in a process of its own: a model that crashes its process, computes without end or eats the memory
 * ends alone, and what serves does not notice.
 */
import type { Clock } from '@starling/federation';
import { AgentError } from '../../errors.js';
import type { InferenceSettings } from '../../inference/index.js';
import { compiledBeside, type ProcessEnd, startOwnProcess } from '../../isolation/index.js';
import type { HealthChecks } from '../description.js';
import type { FromTrial, ToTrial } from './messages.js';
import type { RecentData } from './try-release.js';

export interface TrialSettings {
  /** Most resident bytes of the process that tries a release. */
  readonly memoryBytesMax: number;
  /** Longest that a check may take, in milliseconds. */
  readonly timeMsMax: number;
}

export const defaultTrialSettings: TrialSettings = { memoryBytesMax: 512_000_000, timeMsMax: 120_000 };

export interface TrialOptions {
  readonly trial: TrialSettings;
  readonly inference: InferenceSettings;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The model is at fault, as far as can be known. */
class Ended extends Error {}

/**
 * @param path of the model, whose hash was checked
 * @returns what speaks against it, a sentence without any value of an example; undefined where it may serve
 * @throws AgentError `agent/trial-not-started` where the device has no room for another process; the signal's reason
 */
export async function tryInOwnProcess(
  path: string,
  health: HealthChecks,
  recent: RecentData,
  { trial, inference, clock, signal }: TrialOptions,
): Promise<string | undefined> {
  signal.throwIfAborted();
  const { memoryBytesMax, timeMsMax } = trial;
  let isLate = false;
  const endError = (end: ProcessEnd): Error => {
    if (end.kind === 'not-started') {
      return new AgentError(
        'agent/trial-not-started',
        `No process can be started to try a release in: ${end.error.message}.`,
        end.error,
      );
    }
    if (isLate) {
      return new Ended(
        `Its check took longer than ${timeMsMax / 1000} s and was ended; allow more with "releases.checkSecondsMax".`,
      );
    }
    if (end.kind === 'too-much-memory') {
      return new Ended(
        `Its check took more than ${memoryBytesMax} bytes and was ended; allow more with "releases.checkMegabytesMax".`,
      );
    }
    return new Ended(`It ended the process in which it was tried (${end.how}).`);
  };
  const process = startOwnProcess<ToTrial, FromTrial>({
    path: compiledBeside(import.meta.url, './trial-process.js'),
    ...{ memoryBytesMax, clock, endError },
  });
  const tooLate = clock.schedule(timeMsMax, () => {
    isLate = true;
    void process.end();
  });
  try {
    return await process.during(signal, async () => {
      const message = { kind: 'try', path, health, recent, settings: inference } as const;
      return (await process.ask(message, 'tried')).fault;
    });
  } catch (error) {
    if (error instanceof Ended) return error.message;
    throw error;
  } finally {
    tooLate.cancel();
    await process.end();
  }
}
