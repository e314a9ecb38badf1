/**
 * Examples from files that are put into a folder. Writers put a file there whole, by renaming it; names that begin with
 * a dot or end in `.part` are left alone. A file is taken once it was found the same twice, for some writers copy: it is
 * renamed first, so that another of its name does not go with it when it was stored and is removed.
 */
import { constants, type Stats } from 'node:fs';
import { access, lstat, readdir, readFile, rename, rm } from 'node:fs/promises';
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

  const setAside = (name: string, path: string, problem: string): Promise<void> => {
    log.warn({ file: name }, `What lies in the folder of examples ${problem}; it is set aside as .rejected.`);
    return rename(path, join(folder, `${name}.rejected`));
  };

  const take = async (name: string): Promise<void> => {
    const path = join(folder, takenName(name));
    const format = formatOf(name);
    const problem = problemOf(format, await lstat(path));
    if (format === undefined || problem !== undefined) return setAside(name, path, problem ?? '');
    const bytes = await readFile(path);
    await recorder.record(basename(name, extname(name)).split('.')[0], format, bytes);
    const { size } = await lstat(path);
    if (size !== bytes.byteLength)
      log.warn(
        { file: name },
        'A file of examples was written on while it was taken; put files there by renaming.',
      );
    // A crash before this reads it again: rows with ids, and windows, are stored once all the same.
    await rm(path);
  };

  /** How each file was when it was looked at last. */
  let seen = new Map<string, string>();

  /** Whether it may be taken now; what never may is set aside. */
  const isReady = async (name: string, looks: Map<string, string>): Promise<boolean> => {
    const path = join(folder, name);
    const found = await lstat(path);
    const look = `${found.ino} ${found.size} ${found.mtimeMs}`;
    looks.set(name, look);
    const problem = problemOf(formatOf(name), found);
    if (problem !== undefined) await setAside(name, path, problem);
    if (problem !== undefined || seen.get(name) !== look) return false;
    await access(path, constants.R_OK);
    return true;
  };

  /** Of what was told already: it is looked at again each time, and told once. */
  const troubled = new Set<string>();
  const tell = (name: string, error: unknown): void => {
    // One that cannot be read, or that its writer took back, keeps no other from being taken.
    if (isMissing(error) || troubled.size >= troubledMax || troubled.has(name)) return;
    troubled.add(name);
    log.warn({ file: name, error: String(error) }, 'A file in the folder of examples cannot be taken.');
  };

  const look = async (): Promise<void> => {
    const looks = new Map<string, string>();
    const names = await readdir(folder);
    // Of an agent that ended, or a disk that was full.
    const taken = new Set(names.flatMap((name) => nameOfTaken(name) ?? []));
    const offered = names.filter((name) => !(name.startsWith('.') || /\.(part|rejected|tmp)$/.test(name)));
    for (const name of [...taken, ...offered].sort()) {
      if (closed) return;
      try {
        if (!taken.has(name)) {
          if (!(await isReady(name, looks))) continue;
          await rename(join(folder, name), join(folder, takenName(name)));
        }
        await take(name);
        taken.delete(name);
        troubled.delete(name);
      } catch (error) {
        tell(name, error);
      }
    }
    seen = looks;
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

const takenName = (name: string): string => `.${name}.taken`;
const nameOfTaken = (name: string): string | undefined => /^\.(.+)\.taken$/.exec(name)?.[1];

function formatOf(name: string): PayloadFormat | undefined {
  const extension = extname(name);
  return Object.hasOwn(formats, extension) ? formats[extension] : undefined;
}

/** @param found of what the name stands for itself: a link leads anywhere, and a pipe would be waited for without end */
function problemOf(format: PayloadFormat | undefined, found: Stats): string | undefined {
  if (format === undefined) return 'has no known ending';
  if (!found.isFile()) return 'is no file';
  return found.size > payloadBytesMax ? `has more than ${payloadBytesMax} bytes` : undefined;
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
