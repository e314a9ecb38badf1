/** What the commands about releases share: keys that sign, files that wait for more of them, and how long they are good. */
import { createHash, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ReleaseSigner, RolePublicKey } from '@starling/federation';
import { rawPublicKey } from '@starling/proto';
import { writeDurably } from '../artifacts/index.js';
import type { ClientArguments } from './connection.js';
import { UsageError } from './explain.js';
import { checkOutput } from './output-file.js';
import { ownerKey } from './owner-key.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';

const dayMs = 86_400_000;
export const rootLifeMs = 365 * dayMs;
export const targetsLifeMs = 180 * dayMs;

export interface ReleaseKeyArguments extends ClientArguments {
  /** Files of private keys; the owner's own where there are none. */
  readonly key: readonly string[];
}

export async function contentOf(file: string, remedy: string): Promise<Buffer> {
  const path = resolve(file);
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${path} cannot be read: ${error.message}.`, remedy);
  });
}

export async function signersOf(
  files: readonly string[],
  terminal: Terminal,
): Promise<readonly ReleaseSigner[]> {
  const keys: KeyObject[] = [];
  for (const file of files.length === 0 ? [undefined] : files) keys.push(await ownerKey(file, terminal));
  return keys.map((privateKey) => ({ privateKey, publicKey: rawPublicKey(privateKey) }));
}

/** Writes a root or targets that more people have to sign, and says how it goes on. */
export async function writeForOthers(
  output: string,
  content: Uint8Array,
  told: object,
  json: boolean,
  terminal: Terminal,
): Promise<void> {
  await checkOutput(resolve(output));
  await writeDurably(resolve(output), [content]);
  if (json) return printJson(terminal, { ...told, output, sha256: sha256Of(content) });
  printLine(terminal, `${output} waits for further signatures: starling release sign ${output} --key FILE`);
  remark(terminal, `Once there are enough: starling release publish ${output}`);
}

export function noRoot(): UsageError {
  return new UsageError('This fleet has no root yet.', 'Make it first: starling release init.');
}

/** As `starling key show` prints it. */
export function publicKeyOf(text: string): RolePublicKey {
  const key = Buffer.from(text, 'base64url');
  if (key.byteLength === 32 && /^[A-Za-z0-9_-]+$/.test(text)) return key;
  throw new UsageError(
    `${JSON.stringify(text.slice(0, 80))} is no public key.`,
    'Write what "starling key show" prints.',
  );
}

export function sha256Of(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}
