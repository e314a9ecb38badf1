/** What a device remembers of each task's owner, in `owners.json` in its state directory. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../errors.js';
import { isMissing, writeFileDurable } from '../state/atomic-file.js';

/** A question that this device took part in answering. */
export interface AnsweredQuestion {
  /** SHA-256 of what was signed, hexadecimal. */
  readonly id: string;
  readonly askedAtMs: number;
  /** The run that it was asked in: it counts once, however often that run tries until the answer is told. */
  readonly runId: string;
  /** Whether shares were revealed, so that this device's part may be in an answer. */
  readonly isTold?: boolean;
}

export interface Pin {
  /** Ed25519, base64url. */
  readonly ownerKey: string;
  /** The newest version of the task that the owner's plan was seen of. */
  readonly version: number;
  /** By the time they were asked at, the newest last. */
  readonly questions: readonly AnsweredQuestion[];
}

export interface Pins {
  find(taskName: string): Pin | undefined;
  all(): Iterable<readonly [taskName: string, pin: Pin]>;
  /** Durable when it settles; false where no more tasks are remembered. */
  keep(taskName: string, pin: Pin): Promise<boolean>;
}

/** Most tasks whose owners are remembered: a coordinator must not fill the disk with names. */
const tasksMax = 1000;

/** Throws AgentError where the file is there and cannot be read. */
export async function openPins(stateFolder: string): Promise<Pins> {
  const path = join(stateFolder, 'owners.json');
  const pins = await readPins(path);
  return {
    find: (taskName) => pins.get(taskName),
    all: () => [...pins],
    async keep(taskName, pin) {
      if (!pins.has(taskName) && pins.size >= tasksMax) return false;
      // On disk first: what could not be kept must not be believed to be.
      const next = new Map(pins).set(taskName, pin);
      await writeFileDurable(path, `${JSON.stringify(Object.fromEntries(next), null, 2)}\n`);
      pins.set(taskName, pin);
      return true;
    },
  };
}

async function readPins(path: string): Promise<Map<string, Pin>> {
  try {
    const pins: unknown = JSON.parse(await readFile(path, 'utf8'));
    if (typeof pins === 'object' && pins !== null) {
      return new Map(Object.entries(pins).map(([taskName, value]) => [taskName, pinOf(value)]));
    }
  } catch (error) {
    if (isMissing(error)) return new Map();
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new AgentError(
    'agent/state-folder',
    `${path} cannot be read; restore it, or remove it to pin the owners of tasks anew.`,
  );
}

/** Before versions were pinned, a task's name led to its owner's key alone. */
function pinOf(value: unknown): Pin {
  if (typeof value === 'string') return { ownerKey: value, version: 0, questions: [] };
  // Only `keep` writes this file, by renaming it into place whole.
  if (typeof value === 'object' && value !== null && 'ownerKey' in value) return value as Pin;
  throw new SyntaxError('not a pin');
}
