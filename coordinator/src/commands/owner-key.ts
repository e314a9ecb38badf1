/** The key that a task's owner signs plans with; it stays with the operator, and no coordinator needs it. */
import type { KeyObject } from 'node:crypto';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Entropy } from '@starling/federation';
import { keySha256, privateKeyFromSeed, privateKeyPem, rawPublicKey, readPrivateKey } from '@starling/proto';
import { createSystemEntropy } from '../adapters/index.js';
import { readIfThere, readPrivateIfThere, writePrivateFile } from '../identity/index.js';
import { UsageError } from './explain.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';

/** The named key, or the one in its usual place, which is made at its first use. */
export async function ownerKey(named: string | undefined, terminal: Terminal): Promise<KeyObject> {
  const { env } = terminal;
  const explicit = named ?? env.STARLING_KEY;
  const path = explicit === undefined ? usualPath(env) : resolve(explicit);
  const pem = await readPrivateIfThere(path);
  if (pem !== undefined) return parseKey(pem, path);
  if (explicit !== undefined) {
    throw new UsageError(`There is no key in ${path}.`, `Make one: starling key create --out ${explicit}`);
  }
  const key = await makeOwnerKey(path, createSystemEntropy());
  remark(
    terminal,
    `Made an owner’s key in ${path}: keep it, devices obey this task’s plans by no other key.`,
  );
  return key;
}

export async function makeOwnerKey(path: string, entropy: Entropy): Promise<KeyObject> {
  const key = newOwnerKey(entropy);
  await writePrivateFile(path, privateKeyPem(key));
  return key;
}

/** A key whose public key can be an argument: one that began with a hyphen would be taken for an option. */
export function newOwnerKey(entropy: Entropy): KeyObject {
  for (;;) {
    const key = privateKeyFromSeed(entropy.bytes(32));
    if (!publicKeyText(key).startsWith('-')) return key;
  }
}

/** The key in the file, which is made where there is none. */
export async function ownerKeyIn(path: string, entropy: Entropy): Promise<KeyObject> {
  const pem = await readPrivateIfThere(path);
  return pem === undefined ? makeOwnerKey(path, entropy) : parseKey(pem, path);
}

function usualPath(env: NodeJS.ProcessEnv): string {
  return join(env.STARLING_HOME ?? join(env.HOME ?? homedir(), '.starling'), 'owner.key');
}

function parseKey(pem: string, path: string): KeyObject {
  const key = readPrivateKey(pem);
  if (key !== undefined) return key;
  throw new UsageError(
    `${path} holds no Ed25519 private key (PKCS#8, PEM).`,
    'Make one: starling key create',
  );
}

/** `starling key create`. */
export async function createKey(args: KeyArguments, terminal: Terminal): Promise<void> {
  const path = args.out === undefined ? usualPath(terminal.env) : resolve(args.out);
  if ((await readIfThere(path)) !== undefined) {
    throw new UsageError(`${path} is there already.`, 'Name another file with --out.');
  }
  show(await makeOwnerKey(path, createSystemEntropy()), path, args.json, terminal);
}

/** `starling key show`. */
export async function showKey(args: KeyArguments, terminal: Terminal): Promise<void> {
  const path = args.out === undefined ? usualPath(terminal.env) : resolve(args.out);
  const pem = await readPrivateIfThere(path);
  if (pem === undefined) throw new UsageError(`There is no key in ${path}.`, 'Make one: starling key create');
  show(parseKey(pem, path), path, args.json, terminal);
}

export interface KeyArguments {
  readonly out: string | undefined;
  readonly json: boolean;
}

function show(key: KeyObject, path: string, json: boolean, terminal: Terminal): void {
  const publicKey = publicKeyText(key);
  const sha256 = keySha256(key);
  if (json) {
    printJson(terminal, { path, publicKey, sha256 });
    return;
  }
  printLine(terminal, `private key  ${path}`);
  printLine(terminal, `public key   ${publicKey}`);
  printLine(terminal, 'Agents pin it at their first plan, or from the start with --owner-key PUBLIC_KEY.');
}

function publicKeyText(key: KeyObject): string {
  return Buffer.from(rawPublicKey(key)).toString('base64url');
}
