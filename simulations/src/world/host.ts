/**
 * Puts simulated disks beneath Node.js's own file system calls: paths under `/starling-world/` are served from memory,
 * all others as ever. The code that is simulated stays as it is, down to each fsync, and knows nothing of it. Decompression
 * is done at once in place of on another thread, whose timing no seed decides. For processes that simulate, and must be
 * imported before what is simulated.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';
import { DiskError } from './disk.js';
import { bytesOf, content, openFile, statOf } from './open-file.js';
import { operate, type Place, placeOf } from './place.js';

type Options = {
  readonly mode?: number;
  readonly recursive?: boolean;
  readonly force?: boolean;
  readonly flag?: string;
};

function modeOf(options: unknown, otherwise: number): number {
  if (typeof options === 'number') return options;
  if (
    typeof options === 'object' &&
    options !== null &&
    'mode' in options &&
    typeof options.mode === 'number'
  )
    return options.mode;
  return otherwise;
}

const simulated = {
  mkdir: (place: Place, options?: Options | number) =>
    operate(place, ({ machine: { disk }, mount }, path) => {
      const recursive = typeof options === 'object' && options?.recursive === true;
      const first = disk.makeFolder(path, recursive, modeOf(options, 0o777));
      return first === undefined ? undefined : `${mount}${first}`;
    }),
  open: (place: Place, flags = 'r', mode = 0o666) =>
    operate(place, (process) => openFile(place, process, flags, mode)),
  readdir: (place: Place) => operate(place, ({ machine: { disk } }, path) => disk.list(path)),
  readFile: (place: Place, options?: string | { encoding?: string }) =>
    operate(place, (process, path) => {
      const encoding = typeof options === 'string' ? options : options?.encoding;
      const bytes = content(process, path);
      return encoding === undefined ? bytes : bytes.toString(encoding as BufferEncoding);
    }),
  writeFile: (place: Place, data: unknown, options?: Options | string) =>
    operate(place, (process, path) => {
      const { disk } = process.machine;
      openFile(place, process, 'w', modeOf(options, 0o666));
      disk.write(path, disk.require(path), bytesOf(data), 0, process.clock.now());
    }),
  rm: (place: Place, options: Options = {}) =>
    operate(place, ({ machine: { disk } }, path) => {
      const found = disk.remove(path, options.recursive === true);
      if (!found && options.force !== true) throw new DiskError('ENOENT', path);
    }),
  unlink: (place: Place) =>
    operate(place, ({ machine: { disk } }, path) => {
      if (!disk.remove(path, false)) throw new DiskError('ENOENT', path);
    }),
  stat: (place: Place) =>
    operate(place, ({ machine: { disk } }, path) =>
      disk.isFolder(path)
        ? { size: 0, mode: disk.folderMode(path), mtimeMs: 0, isDirectory: () => true, isFile: () => false }
        : statOf(disk.require(path)),
    ),
  truncate: (place: Place, length = 0) =>
    operate(place, ({ machine: { disk } }, path) => disk.truncate(disk.require(path), length)),
  utimes: (place: Place, _accessed: unknown, modified: number) =>
    operate(place, ({ machine: { disk } }, path) => {
      disk.require(path).mtimeMs = modified * 1000;
    }),
  chmod: (place: Place, mode: number) =>
    operate(place, ({ machine: { disk } }, path) => {
      disk.require(path).mode = mode;
    }),
};

/** Of two paths on one disk. */
const simulatedPairs = {
  rename: (from: Place, to: Place) =>
    operate(from, ({ machine: { disk } }, path) => disk.rename(path, to.path)),
  link: (from: Place, to: Place) => operate(from, ({ machine: { disk } }, path) => disk.link(path, to.path)),
  copyFile: (from: Place, to: Place) =>
    operate(from, (process, path) => {
      const { disk } = process.machine;
      const bytes = content(process, path);
      disk.write(
        to.path,
        disk.find(to.path) ?? disk.create(to.path, 0o666, process.clock.now()),
        bytes,
        0,
        0,
      );
    }),
};

type AnyFunction = (...args: unknown[]) => unknown;

let installed = false;

export function installSimulatedHost(): void {
  if (installed) return;
  installed = true;
  const promises = fs.promises as unknown as Record<string, AnyFunction>;
  for (const [name, run] of Object.entries(simulated)) {
    const real = promises[name];
    promises[name] = (path, ...rest) => {
      const place = placeOf(path);
      return place === undefined ? real(path, ...rest) : (run as AnyFunction)(place, ...rest);
    };
  }
  for (const [name, run] of Object.entries(simulatedPairs)) {
    const real = promises[name];
    promises[name] = (from, to, ...rest) => {
      const [source, target] = [placeOf(from), placeOf(to)];
      return source === undefined || target === undefined ? real(from, to, ...rest) : run(source, target);
    };
  }
  const files = fs as unknown as Record<string, AnyFunction>;
  const { existsSync, createReadStream } = files;
  files.existsSync = (path) => {
    const place = placeOf(path);
    if (place === undefined) return existsSync(path);
    const disk = place.process?.machine.disk;
    return disk !== undefined && (disk.isFolder(place.path) || disk.find(place.path) !== undefined);
  };
  files.createReadStream = (path, options) => {
    const place = placeOf(path);
    if (place === undefined) return createReadStream(path, options);
    const { start = 0 } = (options ?? {}) as { start?: number };
    return (async function* () {
      const bytes = await operate(place, (process, at) => content(process, at));
      if (bytes.byteLength > start) yield bytes.subarray(start);
    })();
  };
  const compression = zlib as unknown as Record<string, AnyFunction>;
  for (const name of ['deflateRaw', 'inflateRaw']) {
    const sync = compression[`${name}Sync`];
    compression[name] = (data, ...rest) => {
      const done = rest.at(-1) as (error: unknown, result?: unknown) => void;
      const options = rest.length > 1 ? rest[0] : undefined;
      queueMicrotask(() => {
        let result: unknown;
        try {
          result = sync(data, options);
        } catch (error) {
          done(error);
          return;
        }
        done(null, result);
      });
    };
  }
  syncBuiltinESMExports();
}

installSimulatedHost();
