/**
 * A disk in memory that keeps apart what was written and what is durable: `sync` of a file makes its content durable,
 * `sync` of a folder its names. After a power failure a file that was not synchronised holds its old content, a part of
 * the new, or new content with a torn end; names that were not synchronised are there up to some point in their order.
 */
import type SQLite from 'better-sqlite3';
import type { Chance } from './chance.js';

export interface Inode {
  content: Uint8Array<ArrayBuffer>;
  /** What a power failure leaves; `undefined` where nothing was synchronised yet. */
  durable: Uint8Array<ArrayBuffer> | undefined;
  mode: number;
  mtimeMs: number;
}

type Change =
  | { readonly kind: 'set'; readonly name: string; readonly inode: Inode }
  | { readonly kind: 'remove'; readonly name: string };

interface Folder {
  readonly names: Map<string, Inode>;
  readonly durable: Map<string, Inode>;
  /** Since the folder was synchronised, in order. */
  pending: Change[];
  mode: number;
}

export interface StoredDatabase {
  /** As of the end of the last process that had it open. */
  bytes: Buffer;
  /** What a power failure leaves instead, where commits were not synchronised. */
  unsynced: Buffer | undefined;
  /** The open one, for checkers to read. */
  open: SQLite.Database | undefined;
  /** Grows with every commit. */
  commits: number;
}

export class DiskError extends Error {
  readonly code: string;
  constructor(code: string, path: string) {
    super(`${code}: ${path}`);
    this.code = code;
  }
}

const noBytes = new Uint8Array(new ArrayBuffer(0));

export class Disk {
  /** Of every folder by its path; folders themselves count as durable when they are made. */
  readonly #folders = new Map<string, Folder>([['/', emptyFolder(0o755)]]);
  /** SQLite's files by path, whose durability is SQLite's to keep: see `database.ts`. */
  readonly databases = new Map<string, StoredDatabase>();
  /** While true, whatever needs room fails with ENOSPC. */
  isFull = false;

  copy(): Disk {
    const disk = new Disk();
    const inodes = new Map<Inode, Inode>();
    const copyOf = (inode: Inode): Inode => {
      const known = inodes.get(inode);
      if (known !== undefined) return known;
      const copied = { ...inode };
      inodes.set(inode, copied);
      return copied;
    };
    for (const [path, folder] of this.#folders) {
      disk.#folders.set(path, {
        names: new Map([...folder.names].map(([name, inode]) => [name, copyOf(inode)])),
        durable: new Map([...folder.durable].map(([name, inode]) => [name, copyOf(inode)])),
        pending: [],
        mode: folder.mode,
      });
    }
    for (const [path, { bytes }] of this.databases) {
      disk.databases.set(path, { bytes, unsynced: undefined, open: undefined, commits: 0 });
    }
    return disk;
  }

  /** Everything that is there becomes durable, as after an orderly shutdown. */
  settle(): void {
    for (const folder of this.#folders.values()) {
      for (const inode of folder.names.values()) inode.durable = inode.content;
      folder.durable.clear();
      for (const [name, inode] of folder.names) folder.durable.set(name, inode);
      folder.pending = [];
    }
  }

  /** After the processes on it were killed. */
  failPower(chance: Chance): void {
    for (const database of this.databases.values()) database.bytes = database.unsynced ?? database.bytes;
    const torn = new Set<Inode>();
    for (const folder of this.#folders.values()) {
      const kept = folder.pending.slice(0, chance.integer(folder.pending.length + 1));
      for (const change of kept) applyChange(folder.durable, change);
      folder.names.clear();
      for (const [name, inode] of folder.durable) folder.names.set(name, inode);
      folder.pending = [];
      for (const inode of folder.names.values()) torn.add(inode);
    }
    for (const inode of torn) {
      if (inode.durable === inode.content) continue;
      inode.content = afterPowerFailure(inode, chance);
      inode.durable = inode.content;
    }
  }

  makeFolder(path: string, recursive: boolean, mode: number): string | undefined {
    if (this.#folders.has(path)) {
      if (recursive) return undefined;
      throw new DiskError('EEXIST', path);
    }
    const above = parentOf(path);
    let first: string | undefined;
    if (!this.#folders.has(above)) {
      if (!recursive) throw new DiskError('ENOENT', path);
      first = this.makeFolder(above, true, mode);
    }
    this.#room(path);
    this.#folders.set(path, emptyFolder(mode));
    return first ?? path;
  }

  isFolder(path: string): boolean {
    return this.#folders.has(path);
  }

  folderMode(path: string): number {
    return this.#folder(path).mode;
  }

  find(path: string): Inode | undefined {
    return this.#folders.get(parentOf(path))?.names.get(nameOf(path));
  }

  require(path: string): Inode {
    const inode = this.find(path);
    if (inode !== undefined) return inode;
    throw new DiskError(this.isFolder(path) ? 'EISDIR' : 'ENOENT', path);
  }

  create(path: string, mode: number, nowMs: number): Inode {
    const folder = this.#folder(parentOf(path), path);
    this.#room(path);
    const inode: Inode = { content: noBytes, durable: undefined, mode, mtimeMs: nowMs };
    this.#change(folder, { kind: 'set', name: nameOf(path), inode });
    return inode;
  }

  write(path: string, inode: Inode, bytes: Uint8Array, position: number, nowMs: number): void {
    this.#room(path);
    const length = Math.max(inode.content.byteLength, position + bytes.byteLength);
    const content = new Uint8Array(length);
    content.set(inode.content);
    content.set(bytes, position);
    inode.content = content;
    inode.mtimeMs = nowMs;
  }

  truncate(inode: Inode, length: number): void {
    const content = new Uint8Array(length);
    content.set(inode.content.subarray(0, length));
    inode.content = content;
  }

  link(from: string, to: string): void {
    const inode = this.require(from);
    if (this.find(to) !== undefined) throw new DiskError('EEXIST', to);
    this.#change(this.#folder(parentOf(to), to), { kind: 'set', name: nameOf(to), inode });
  }

  rename(from: string, to: string): void {
    const inode = this.require(from);
    const source = this.#folder(parentOf(from));
    const target = this.#folder(parentOf(to), to);
    this.#change(target, { kind: 'set', name: nameOf(to), inode });
    this.#change(source, { kind: 'remove', name: nameOf(from) });
  }

  remove(path: string, recursive: boolean): boolean {
    if (this.isFolder(path)) {
      if (!recursive) throw new DiskError('EISDIR', path);
      for (const known of [...this.#folders.keys()]) {
        if (known === path || known.startsWith(`${path}/`)) this.#folders.delete(known);
      }
      return true;
    }
    if (this.find(path) === undefined) return false;
    this.#change(this.#folder(parentOf(path)), { kind: 'remove', name: nameOf(path) });
    return true;
  }

  list(path: string): string[] {
    const folder = this.#folder(path);
    const prefix = path === '/' ? '/' : `${path}/`;
    const below = [...this.#folders.keys()].filter(
      (known) => known !== '/' && known.startsWith(prefix) && !known.slice(prefix.length).includes('/'),
    );
    return [...folder.names.keys(), ...below.map(nameOf)].sort();
  }

  syncFile(inode: Inode): void {
    inode.durable = inode.content;
  }

  syncFolder(path: string): void {
    const folder = this.#folder(path);
    for (const change of folder.pending) applyChange(folder.durable, change);
    folder.pending = [];
  }

  #folder(path: string, wanted = path): Folder {
    const folder = this.#folders.get(path);
    if (folder === undefined) throw new DiskError('ENOENT', wanted);
    return folder;
  }

  #change(folder: Folder, change: Change): void {
    applyChange(folder.names, change);
    folder.pending.push(change);
  }

  #room(path: string): void {
    if (this.isFull) throw new DiskError('ENOSPC', path);
  }
}

function emptyFolder(mode: number): Folder {
  return { names: new Map(), durable: new Map(), pending: [], mode };
}

function applyChange(names: Map<string, Inode>, change: Change): void {
  if (change.kind === 'set') names.set(change.name, change.inode);
  else names.delete(change.name);
}

function afterPowerFailure({ content, durable }: Inode, chance: Chance): Uint8Array<ArrayBuffer> {
  switch (chance.integer(4)) {
    case 0:
      return durable ?? noBytes;
    case 1:
      return content;
    case 2:
      return content.slice(0, chance.integer(content.byteLength + 1));
    default: {
      // The length reached the disk, the last blocks did not.
      const torn = content.slice();
      return torn.fill(0, chance.integer(content.byteLength + 1));
    }
  }
}

export function parentOf(path: string): string {
  const at = path.lastIndexOf('/');
  return at <= 0 ? '/' : path.slice(0, at);
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
