/**
 * Examples from files that are put into a folder. Writers put a file there whole, by renaming it; names that begin with
 * a dot or end in `.part` are left alone. A file that was stored is removed.
 */
import { lstat, readdir, readFile, rename, rm } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import type { Clock, Scheduled } from '@starling/federation';
import type { Log } from '../../connection/shell.js';
import { AgentError } from '../../errors.js';
import { isMissing } from '../../state/atomic-file.js';
import { makeFolder } from '../../state/make-folder.js';
import type { PayloadFormat } from '../payload-formats.js';
import type { Recorder } from '../recorder.js';
import { payloadBytesMax } from '../recording.js';
import type { Source } from './mqtt.js';

export interface FilesSourceOptions {
  readonly folder: string;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds between two looks; 1,000 unless told. */
  readonly everyMs?: number | undefined;
}

const formats: Readonly<Record<string, PayloadFormat>> = {
  '.json': 'json',
  '.jsonl': 'json',
  '.csv': 'csv',
  '.f32': 'f32',
};

/** Names that are remembered as troubled. */
const troubledMax = 1000;

/**
 * Looks again and again rather than being told: inotify does not reach across network mounts, nor for ever.
 *
 * @throws AgentError `agent/configuration` where the folder cannot be made
 */
export async function openFilesSource(options: FilesSourceOptions): Promise<Source> {
  const { folder, recorder, clock, log, everyMs = 1000 } = options;
  await makeExamplesFolder(folder);
  let next: Scheduled | undefined;
  let closed = false;

  const take = async (name: string): Promise<void> => {
    const path = join(folder, name);
    const extension = extname(name);
    const format = Object.hasOwn(formats, extension) ? formats[extension] : undefined;
    // Of what the name stands for itself: a link leads anywhere, and a pipe would be waited for without end.
    const found = await lstat(path);
    const problem =
      format === undefined
        ? 'has no known ending'
        : !found.isFile()
          ? 'is no file'
          : found.size > payloadBytesMax
            ? `has more than ${payloadBytesMax} bytes`
            : undefined;
    if (format === undefined || problem !== undefined) {
      log.warn(
        { file: name },
        `What lies in the folder of examples ${problem}; it is set aside as .rejected.`,
      );
      return rename(path, `${path}.rejected`);
    }
    await recorder.record(basename(name, extension).split('.')[0], format, await readFile(path));
    // A crash before this reads it again: rows with ids, and windows, are stored once all the same.
    await rm(path);
  };

  /** Of what was told already: it is looked at again each time, and told once. */
  const troubled = new Set<string>();

  const look = async (): Promise<void> => {
    for (const name of (await readdir(folder)).sort()) {
      if (closed) return;
      if (name.startsWith('.') || /\.(part|rejected|tmp)$/.test(name)) continue;
      await take(name).then(
        () => troubled.delete(name),
        (error: unknown) => {
          // One that cannot be read, or that its writer took back, keeps no other from being taken.
          if (isMissing(error)) return;
          if (troubled.size < troubledMax && !troubled.has(name)) {
            troubled.add(name);
            log.warn(
              { file: name, error: String(error) },
              'A file in the folder of examples cannot be taken.',
            );
          }
        },
      );
    }
  };

  let looking = Promise.resolve();
  const again = (): void => {
    looking = look()
      .catch((error: unknown) => log.warn({ error: String(error) }, 'The folder of examples cannot be read.'))
      .then(() => {
        if (!closed) next = clock.schedule(everyMs, again);
      });
  };
  again();
  return {
    async close() {
      closed = true;
      next?.cancel();
      await looking;
    },
  };
}

async function makeExamplesFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (error) {
    throw new AgentError(
      'agent/configuration',
      `The folder of examples ${folder} cannot be made; name another by "files" in the configuration file, or allow the agent to write there.`,
      error,
    );
  }
}
