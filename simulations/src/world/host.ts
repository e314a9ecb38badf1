/**
 * Puts simulated disks beneath Node.js's own file system calls: paths under `/starling-world/` are served from memory,
 * all others as ever. The code that is simulated stays as it is, down to each fsync, and knows nothing of it. Decompression
 * is done at once in place of on another thread, whose timing no seed decides. For processes that simulate, and must be
 * imported before what is simulated.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import zlib from 'node:zlib';
import { DiskError, type Inode } from './disk.js';
import { mountRoot, mounts, never, type SimulatedProcess } from './simulated-process.js';

interface Place {
  /** `undefined` where the process is dead. */
  readonly process: SimulatedProcess | undefined;
  /** On the machine's disk. */
  readonly path: string;
}

function placeOf(path: unknown): Place | undefined {
  if (typeof path !== 'string' || !path.startsWith(`${mountRoot}/`)) return undefined;
  const end = path.indexOf('/', mountRoot.length + 1);
  const mount = end < 0 ? path : path.slice(0, end);
  return { process: mounts.get(mount), path: end < 0 ? '/' : path.slice(end).replace(/\/+$/, '') };
}

/** Share of operations that take time, so that other work comes in between. */
const slowShare = 0.2;
const slowMsMax = 5;

/** Runs an operation on the disk, killing the process before or after it where its time has come. */
async function operate<T>(
  { process, path }: Place,
  run: (process: SimulatedProcess, path: string) => T,
): Promise<T> {
  if (process === undefined) return never();
  const { chance, clock } = process;
  if (chance.happens(slowShare)) {
    await new Promise<void>((resolve) => clock.schedule(chance.uniform() * slowMsMax, resolve));
  }
  process.io.step();
  if (!process.isAlive) return never();
  const result = run(process, path);
  process.io.step();
  return process.isAlive ? result : never();
}

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

function bytesOf(data: unknown): Uint8Array {
  return typeof data === 'string' ? Buffer.from(data) : (data as Uint8Array);
}

/** An open file; of a folder, only `sync` and `close` are asked. */
class Handle {
  readonly #place: Place;
  readonly #inode: Inode | undefined;
  readonly #appends: boolean;
  #position = 0;

  constructor(place: Place, inode: Inode | undefined, appends: boolean) {
    this.#place = place;
    this.#inode = inode;
    this.#appends = appends;
  }

  #of(): Inode {
    if (this.#inode === undefined) throw new DiskError('EISDIR', this.#place.path);
    return this.#inode;
  }

  write(buffer: Uint8Array, offset = 0, length = buffer.byteLength - offset, position?: number | null) {
    return operate(this.#place, ({ machine: { disk }, clock }, path) => {
      const inode = this.#of();
      const at = this.#appends ? inode.content.byteLength : (position ?? this.#position);
      disk.write(path, inode, buffer.subarray(offset, offset + length), at, clock.now());
      if (position === undefined || position === null) this.#position = at + length;
      return { bytesWritten: length, buffer };
    });
  }

  async writeFile(data: unknown): Promise<void> {
    await this.write(bytesOf(data));
  }

  async appendFile(data: unknown): Promise<void> {
    await this.write(bytesOf(data));
  }

  read(buffer: Uint8Array, offset = 0, length = buffer.byteLength - offset, position?: number | null) {
    return operate(this.#place, () => {
      const { content } = this.#of();
      const at = position ?? this.#position;
      const part = content.subarray(at, at + length);
      buffer.set(part, offset);
      if (position === undefined || position === null) this.#position = at + part.byteLength;
      return { bytesRead: part.byteLength, buffer };
    });
  }

  sync(): Promise<void> {
    return operate(this.#place, ({ machine: { disk } }, path) => {
      if (this.#inode === undefined) disk.syncFolder(path);
      else disk.syncFile(this.#inode);
    });
  }

  datasync(): Promise<void> {
    return this.sync();
  }

  truncate(length = 0): Promise<void> {
    return operate(this.#place, ({ machine: { disk } }) => disk.truncate(this.#of(), length));
  }

  stat() {
    return operate(this.#place, () => statOf(this.#of()));
  }

  async *createReadStream({
    start = 0,
    end = Number.POSITIVE_INFINITY,
  }: {
    start?: number;
    end?: number;
  } = {}) {
    const content = await operate(this.#place, () => this.#of().content.slice(start, end + 1));
    if (content.byteLength > 0) yield Buffer.from(content.buffer);
  }

  async close(): Promise<void> {
    if (this.#place.process?.isAlive !== true) await never();
  }
}

function statOf(inode: Inode) {
  return {
    size: inode.content.byteLength,
    mode: inode.mode,
    mtimeMs: inode.mtimeMs,
    isDirectory: () => false,
    isFile: () => true,
  };
}

function openFile(
  place: Place,
  { machine: { disk }, clock }: SimulatedProcess,
  flags: string,
  mode: number,
): Handle {
  const { path } = place;
  if (disk.isFolder(path)) return new Handle(place, undefined, false);
  const known = disk.find(path);
  if (known !== undefined && flags.includes('x')) throw new DiskError('EEXIST', path);
  if (known === undefined && flags.startsWith('r')) throw new DiskError('ENOENT', path);
  const inode = known ?? disk.create(path, mode, clock.now());
  if (flags.startsWith('w')) disk.truncate(inode, 0);
  return new Handle(place, inode, flags.startsWith('a'));
}

function content(process: SimulatedProcess, path: string): Buffer {
  // A copy in memory of its own, as Node.js gives it.
  return Buffer.from(process.machine.disk.require(path).content.slice().buffer);
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
