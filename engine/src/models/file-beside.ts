/** Files that a model names: they lie beside it, or they are not read. */
import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';

export type FileBeside =
  | { readonly kind: 'open'; readonly descriptor: number; readonly sizeBytes: number }
  | { readonly kind: 'outside' }
  /** `path` is where it should be. */
  | { readonly kind: 'unreadable'; readonly path: string; readonly why: string };

/**
 * Opens the file that a model at `model` names. It must lie in the model's folder, where links truly lead too: in that of the
 * link or in that of the model it leads to, for a store of models links both. Whoever opens it closes it.
 */
export function openBeside(model: string, location: string): FileBeside {
  const folder = resolve(dirname(model));
  const path = resolve(folder, location);
  if (!path.startsWith(folder + sep)) return { kind: 'outside' };
  try {
    const real = realpathSync(path);
    const folders = [realpathSync(folder), dirname(realpathSync(model))];
    if (!folders.some((one) => real.startsWith(one + sep))) return { kind: 'outside' };
    // A pipe would keep whoever opens it waiting for one that writes.
    const descriptor = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(descriptor);
    if (stats.isFile()) return { kind: 'open', descriptor, sizeBytes: stats.size };
    closeSync(descriptor);
    return { kind: 'unreadable', path, why: 'it is no file' };
  } catch (error) {
    return { kind: 'unreadable', path, why: error instanceof Error ? error.message : String(error) };
  }
}

/** A single read takes less than 2 GiB. */
const readBytesMax = 2 ** 30;

/** Fills `bytes` from `position` in bytes on, as far as the file has them. */
export function readInto(bytes: Uint8Array, descriptor: number, position: number): void {
  let done = 0;
  while (done < bytes.length) {
    const length = Math.min(bytes.length - done, readBytesMax);
    const read = readSync(descriptor, bytes, done, length, position + done);
    if (read === 0) return;
    done += read;
  }
}
