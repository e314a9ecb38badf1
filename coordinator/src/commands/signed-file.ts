/** What people sign, each where their key is, and pass on: a root, targets, or a release with all that belongs to it. */
import { type FileHandle, open, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readRoot, readTargets, releaseRoleOf, roleBytesMax, type TargetContent } from '@starling/federation';
import { writeDurably } from '../artifacts/index.js';
import { releaseNamePattern } from '../releases/index.js';
import { UsageError } from './explain.js';
import { sha256Of } from './release-files.js';
import { isTar, readTar, TarError, tarParts } from './tar.js';

export interface SignedFile {
  readonly role: 'root' | 'targets';
  /** The signed metadata, JSON. */
  readonly content: Uint8Array;
  /** Of a release what its targets name, by path; empty for a root, and for targets that add no release. */
  readonly contents: ReadonlyMap<string, Uint8Array>;
}

export interface ReleaseVersion {
  readonly name: string;
  readonly version: number;
}

/** In the archive of a release, beside what it names. */
const targetsFile = 'targets.json';
/** A release has fewer files; no other archive is read to its end. */
const membersMax = 32;
/** Of all of them: a model of the greatest size that a coordinator takes, its difference to another, and what is small. */
const bytesMax = 2 ** 32;
const commands = '"starling release create", "init", "root" or "renew"';

/** What the release in the file is; undefined where there is none in it. */
export function releaseIn({ contents }: SignedFile): ReleaseVersion | undefined {
  for (const path of contents.keys()) {
    const [name, version, file] = path.split('/');
    const isSound = releaseNamePattern.test(name) && /^[1-9]\d{0,9}$/.test(version ?? '');
    if (file === 'release.json' && isSound) return { name, version: Number(version) };
  }
  return undefined;
}

/** Metadata alone is written as it is; a release as a tar of `targets.json` and the files that it adds. */
export async function writeSignedFile(path: string, file: SignedFile): Promise<void> {
  if (file.contents.size === 0) return writeDurably(resolve(path), [file.content]);
  const contents = [...file.contents].map(([name, content]) => ({ path: name, content }));
  return writeDurably(resolve(path), tarParts([{ path: targetsFile, content: file.content }, ...contents]));
}

/** Whether it is one of the files that are signed, so that it cannot be meant as a model. */
export async function isSignedFile(path: string): Promise<boolean> {
  return readSignedFile(path).then(
    () => true,
    () => false,
  );
}

/** Throws UsageError where it is none, or where what a release holds is not what its targets name. */
export async function readSignedFile(path: string): Promise<SignedFile> {
  const unread = (problem: string) =>
    new UsageError(`${resolve(path)} cannot be read: ${problem}.`, `Name what ${commands} wrote.`);
  const found = await stat(resolve(path)).catch((error: NodeJS.ErrnoException) => {
    throw unread(error.message);
  });
  if (!found.isFile()) throw unread('it is no file');
  const file = await open(resolve(path)).catch((error: NodeJS.ErrnoException) => {
    throw unread(error.message);
  });
  try {
    const start = Buffer.alloc(Math.min(512, found.size));
    await file.read(start, 0, start.byteLength, 0);
    if (isTar(start)) return await readRelease(file, path);
    const content = found.size > roleBytesMax.targets ? undefined : await file.readFile();
    const role = content && roleOf(content);
    if (content !== undefined && role !== undefined) return { role, content, contents: new Map() };
  } finally {
    await file.close();
  }
  throw new UsageError(
    `${path} is neither a release nor a root nor targets.`,
    `Name what ${commands} wrote; a model is released with --name and --release.`,
  );
}

async function readRelease(file: FileHandle, path: string): Promise<SignedFile> {
  const damaged = (problem: string) =>
    new UsageError(
      `${path} is not as "starling release create" wrote it: ${problem}.`,
      'Fetch it anew from where it was made, or make it again.',
    );
  const members = await readTar(file, { membersMax, bytesMax }).catch((error: unknown) => {
    throw error instanceof TarError ? damaged(error.message) : error;
  });
  const content = members.find((member) => member.path === targetsFile)?.content;
  if (content === undefined || roleOf(content) !== 'targets') throw damaged(`it has no ${targetsFile}`);
  const others = members.filter((member) => member.path !== targetsFile);
  const contents = new Map(others.map((member) => [member.path, member.content]));
  const signed: SignedFile = { role: 'targets', content, contents };
  const release = releaseIn(signed);
  if (release === undefined) throw damaged('it has no release.json');
  const problem = differenceOf(contents, readTargets(content).targets, `${release.name}/${release.version}/`);
  if (problem !== undefined) throw damaged(problem);
  return signed;
}

/** What keeps these from being the files that the targets name below `folder`, and nothing else. */
function differenceOf(
  contents: ReadonlyMap<string, Uint8Array>,
  targets: ReadonlyMap<string, TargetContent>,
  folder: string,
): string | undefined {
  for (const [path, content] of contents) {
    const named = path.startsWith(folder) ? targets.get(path) : undefined;
    if (named === undefined) return `its targets do not name ${JSON.stringify(path)}`;
    if (named.sha256 !== sha256Of(content)) return `${JSON.stringify(path)} is not what its targets name`;
  }
  const missing = [...targets.keys()].find((path) => path.startsWith(folder) && !contents.has(path));
  return missing === undefined ? undefined : `${JSON.stringify(missing)} is missing`;
}

/** Undefined where it is no root and no targets, or none that can be read. */
function roleOf(content: Uint8Array): SignedFile['role'] | undefined {
  const role = releaseRoleOf(content);
  try {
    if (role === 'root') readRoot(content);
    else if (role === 'targets') readTargets(content);
    else return undefined;
    return role;
  } catch {
    return undefined;
  }
}
