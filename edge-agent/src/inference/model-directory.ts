/**
 * Where models lie on this device: `NAME/VERSION/model.onnx`, and in `NAME/serving` the version that serves. That file
 * is replaced whole, so that after any crash it names the old version or the new one.
 */
import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, writeFileDurable } from '../state/atomic-file.js';
import { InferenceError } from './errors.js';

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const modelBytesMax = 2 ** 31 - 1;

export interface ModelDirectory {
  /** From model to its versions, oldest first: by number where they are numbers. */
  list(): Promise<ReadonlyMap<string, readonly string[]>>;
  /** The version that serves: what was chosen, the newest where nothing was. */
  serving(name: string): Promise<string | undefined>;
  /** @throws InferenceError `inference/model-not-found` where that version is not there */
  choose(name: string, version: string): Promise<void>;
  /** @throws InferenceError `inference/model-not-found` */
  read(name: string, version: string): Promise<Uint8Array>;
  /** The folder of a version, whether or not it is there; its name is checked. */
  folder(name: string, version: string): string;
}

export function openModelDirectory(root: string): ModelDirectory {
  const folder = (name: string, version: string): string =>
    join(root, checkedName(name), checkedName(version));

  const versionsOf = async (name: string): Promise<readonly string[]> => {
    const names = (await namesIn(join(root, checkedName(name)))).filter((version) =>
      namePattern.test(version),
    );
    const whole = await Promise.all(names.map((version) => isFile(join(root, name, version, 'model.onnx'))));
    return names.filter((_, index) => whole[index]).sort(byAge);
  };

  const directory: ModelDirectory = {
    folder,
    async list() {
      const found = new Map<string, readonly string[]>();
      for (const name of (await namesIn(root)).filter((text) => namePattern.test(text)).sort()) {
        const versions = await versionsOf(name);
        if (versions.length > 0) found.set(name, versions);
      }
      return found;
    },
    async serving(name) {
      const versions = await versionsOf(name);
      const chosen = await readFile(join(root, checkedName(name), 'serving'), 'utf8').catch(orMissing);
      return versions.find((version) => version === chosen?.trim()) ?? versions.at(-1);
    },
    async choose(name, version) {
      if (!(await versionsOf(name)).includes(version)) throw notThere(name, version);
      await mkdir(join(root, name), { recursive: true, mode: 0o700 });
      await writeFileDurable(join(root, name, 'serving'), `${version}\n`);
    },
    async read(name, version) {
      const path = join(folder(name, version), 'model.onnx');
      try {
        const { size } = await stat(path);
        if (size > modelBytesMax) {
          throw new InferenceError('inference/model-invalid', `${path} is larger than 2 GB.`);
        }
        return await readFile(path);
      } catch (error) {
        throw isMissing(error) ? notThere(name, version) : error;
      }
    },
  };
  return directory;
}

function checkedName(name: string): string {
  if (namePattern.test(name)) return name;
  throw new InferenceError(
    'inference/model-not-found',
    `${JSON.stringify(name.slice(0, 80))} is no name of a model or a version; use 1 to 64 of A-Z, a-z, 0-9, ".", "_" and "-".`,
  );
}

async function namesIn(path: string): Promise<readonly string[]> {
  return (await readdir(path).catch(orMissing)) ?? [];
}

async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() === true;
}

function orMissing(error: unknown): undefined {
  if (isMissing(error) || (error instanceof Error && 'code' in error && error.code === 'ENOTDIR')) return;
  throw error;
}

function byAge(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  if (Number.isFinite(x) && Number.isFinite(y)) return x - y;
  return a < b ? -1 : 1;
}

function notThere(name: string, version: string): InferenceError {
  return new InferenceError(
    'inference/model-not-found',
    `There is no version ${JSON.stringify(version.slice(0, 80))} of the model ${JSON.stringify(name.slice(0, 80))} on this device.`,
  );
}
