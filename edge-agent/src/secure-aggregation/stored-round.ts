/**
 * The secrets of the one round that this device takes part in, on disk: a restarted agent goes on where it was, and what
 * it did once (mask an update, sign survivors, reveal shares) it knows to have done. Mode 0600.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ClientState } from '@starling/federation';
import { type RoundKey, sameRound } from '../connection/assignment.js';
import { isMissing, writeFileDurable } from '../state/atomic-file.js';

export interface StoredRound {
  readonly round: RoundKey;
  readonly client: ClientState;
}

export interface RoundStore {
  load(): Promise<StoredRound | undefined>;
  /**
   * Replaces what is stored. `durable` survives a power failure too: for what must not be done twice. Other states may be
   * lost with the power; the device then gives the round up, as the coordinator knows other keys of it.
   */
  save(stored: StoredRound, durability: 'durable' | 'lazy'): Promise<void>;
  /** Removes the secrets of `round`, if they are what is stored. */
  forget(round: RoundKey): Promise<void>;
}

const version = 1;

export function openRoundStore(stateFolder: string): RoundStore {
  const path = join(stateFolder, 'secure-round.json');

  async function load(): Promise<StoredRound | undefined> {
    let text: string;
    try {
      text = await readFile(path, 'utf8');
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
    return parse(text);
  }

  return {
    load,
    async save({ round, client }, durability) {
      const text = JSON.stringify({ version, round, client }, withBytes);
      if (durability === 'durable') {
        await writeFileDurable(path, text);
      } else {
        await writeFile(`${path}.tmp`, text, { mode: 0o600 });
        await rename(`${path}.tmp`, path);
      }
    },
    async forget(round) {
      const stored = await load();
      if (stored === undefined || sameRound(stored.round, round)) await rm(path, { force: true });
    },
  };
}

/** Only `save` writes the file, from values of this very type; one that a full disk cut short is worth nothing. */
function parse(text: string): StoredRound | undefined {
  try {
    const stored = JSON.parse(text, fromBytes) as StoredRound & { readonly version: number };
    return stored.version === version ? { round: stored.round, client: stored.client } : undefined;
  } catch {
    return undefined;
  }
}

const bytesKey = '$bytes';
const mapKey = '$map';

function withBytes(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  // Of a Buffer, `value` is what its toJSON made of it.
  const held = this[key];
  if (held instanceof Uint8Array) return { [bytesKey]: Buffer.from(held).toString('base64') };
  if (value instanceof Map) return { [mapKey]: [...value] };
  return value;
}

function fromBytes(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (bytesKey in value && typeof value[bytesKey] === 'string') {
    return new Uint8Array(Buffer.from(value[bytesKey], 'base64'));
  }
  if (mapKey in value && Array.isArray(value[mapKey])) return new Map(value[mapKey]);
  return value;
}
