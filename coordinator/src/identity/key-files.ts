/** Files with keys and tokens: durable, and readable by their owner only. */
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { makeNamedFolder, syncFolder, writeDurably } from '../artifacts/index.js';
import { CoordinatorError, refusal } from '../errors.js';

/** Throws FOLDER_UNUSABLE. */
export const writePrivateFile = (path: string, text: string): Promise<void> => write(path, text, 0o600);

/** Throws FOLDER_UNUSABLE. */
export const writePublicFile = (path: string, text: string): Promise<void> => write(path, text);

async function write(path: string, text: string, mode?: number): Promise<void> {
  const topmost = await makeNamedFolder(dirname(path));
  if (topmost !== undefined) await syncFolder(dirname(topmost));
  await writeDurably(path, [Buffer.from(text)], mode);
}

/** The file's text, or `undefined` where there is none. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Like `readIfThere`, and throws KEY_FILE_EXPOSED where others than the owner may read it. */
export async function readPrivateIfThere(path: string): Promise<string | undefined> {
  const text = await readIfThere(path);
  if (text === undefined || process.platform === 'win32') return text;
  const { mode } = await stat(path);
  if ((mode & 0o077) === 0) return text;
  throw new CoordinatorError(
    refusal(
      'failed-precondition',
      'KEY_FILE_EXPOSED',
      `${path} can be read by others than its owner (mode ${(mode & 0o777).toString(8)}).`,
      `Allow only its owner to read it: chmod 600 ${path}. If others may have read it, make a new one.`,
    ),
  );
}
