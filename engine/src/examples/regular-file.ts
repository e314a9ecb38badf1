/**
 * Files, and nothing else that has a path: a pipe keeps whoever opens it waiting for one that writes, and a device may never
 * end.
 */
import { stat } from 'node:fs/promises';
import { ExamplesError } from './errors.js';

/** What has the path, in place of a file. */
export class NotAFileError extends Error {
  readonly what: 'a folder' | 'a pipe or a device';

  constructor(what: NotAFileError['what']) {
    super(`it is ${what}, not a file`);
    this.name = 'NotAFileError';
    this.what = what;
  }
}

/** Size in bytes of the file at `path`. @throws NotAFileError, or what `stat` throws where nothing is there */
export async function fileBytes(path: string): Promise<number> {
  const found = await stat(path);
  if (found.isFile()) return found.size;
  throw new NotAFileError(found.isDirectory() ? 'a folder' : 'a pipe or a device');
}

/** Tells why a file of examples was not read. */
export function unreadable(
  path: string,
  cause: unknown,
  remedy = 'Check that it exists and that the agent may read it.',
): ExamplesError {
  return cause instanceof NotAFileError
    ? new ExamplesError(
        'examples/file-unsupported',
        path,
        cause.message,
        'Write the examples into a file.',
        cause,
      )
    : new ExamplesError('examples/not-found', path, 'this file cannot be read', remedy, cause);
}
