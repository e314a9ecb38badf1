/** Files of a simulated disk as Node.js hands them out. */
import { DiskError, type Inode } from './disk.js';
import { operate, type Place } from './place.js';
import type { SimulatedProcess } from './simulated-process.js';
import { never } from './simulated-process.js';

export function bytesOf(data: unknown): Uint8Array {
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

export function statOf(inode: Inode) {
  return {
    size: inode.content.byteLength,
    mode: inode.mode,
    mtimeMs: inode.mtimeMs,
    isDirectory: () => false,
    isFile: () => true,
  };
}

export function openFile(
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

export function content(process: SimulatedProcess, path: string): Buffer {
  // A copy in memory of its own, as Node.js gives it.
  return Buffer.from(process.machine.disk.require(path).content.slice().buffer);
}
