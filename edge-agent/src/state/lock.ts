/** Two agents in one state directory would overwrite each other's updates: the first one keeps the second out. */
import { readFileSync, readlinkSync, rmSync } from 'node:fs';
import { readFile, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { AgentError } from '../errors.js';
import { notWritten } from './atomic-file.js';
import { makeFolder } from './make-folder.js';

export interface StateLock {
  release(): Promise<void>;
}

/**
 * Makes the state directory where it is missing, and takes its lock.
 *
 * @throws AgentError `agent/state-folder`, `agent/state-in-use`
 */
export async function openStateFolder(path: string): Promise<StateLock> {
  await makeStateFolder(path);
  return lockState(path);
}

/**
 * Takes the lock of `stateFolder`. One that a killed process left behind is taken over.
 *
 * @throws AgentError `agent/state-in-use`, `agent/state-folder`
 */
export async function lockState(stateFolder: string): Promise<StateLock> {
  const path = join(stateFolder, 'agent.pid');
  const own = [process.pid, ...(await birthOf(process.pid))].join(' ');
  for (let attempt = 0; attempt < 2; attempt++) {
    if (await create(path, own)) return { release: () => rm(path, { force: true }) };
    const found = heldBy(path);
    if (found === undefined) continue;
    const holder = await holderOf(found);
    if (holder !== undefined) {
      throw new AgentError(
        'agent/state-in-use',
        `${stateFolder} is in use by the agent with process id ${holder}; stop it, or give this agent a directory of its own.`,
      );
    }
    await removeStale(path, found);
  }
  throw new AgentError(
    'agent/state-in-use',
    `${stateFolder} was taken by another agent just now; try again.`,
  );
}

/**
 * Makes the lock, or finds one: a link that leads nowhere, whose target says who holds it. It is there with all that it says or not at
 * all, and takes no block of a disk, so that an agent starts on a full one too.
 */
async function create(path: string, holder: string): Promise<boolean> {
  try {
    await symlink(holder, path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw notWritten(path, error);
  }
}

/** What the lock says; undefined where there is none. Agents before this one had a file. */
function heldBy(path: string): string | undefined {
  for (const read of [() => readlinkSync(path), () => readFileSync(path, 'utf8')]) {
    try {
      return read();
    } catch {
      // The other kind, or none.
    }
  }
  return undefined;
}

/**
 * Removes a lock whose process is gone, and never one that another agent has made meanwhile: of agents that start together, each
 * could remove the other's. Who looks and removes holds a lock of the kernel's, which ends with its process.
 */
async function removeStale(path: string, found: string): Promise<void> {
  const { default: Database } = await import('better-sqlite3');
  const database = new Database(`${path}.lock`, { timeout: 5_000 });
  try {
    // Of the database only the lock is wanted: nothing of it is written, for which a full disk would have no room.
    database.pragma('journal_mode = MEMORY');
    database.exec('BEGIN EXCLUSIVE');
    if (heldBy(path) === found) rmSync(path);
    database.exec('ROLLBACK');
  } catch (error) {
    throw notWritten(path, error);
  } finally {
    database.close();
  }
}

/** The process that holds the lock, if it lives. */
export async function lockHolder(stateFolder: string): Promise<number | undefined> {
  return holderOf(heldBy(join(stateFolder, 'agent.pid')) ?? '');
}

async function holderOf(text: string): Promise<number | undefined> {
  const [first, ...birth] = text.trim().split(' ');
  const pid = Number(first);
  if (!(Number.isInteger(pid) && pid > 0 && isAlive(pid))) return undefined;
  // Numbers are used again, after a start of the machine above all; in a container the agent is 1 each time.
  const now = birth.length === 0 ? [] : await birthOf(pid);
  return now.length === 0 || now.join(' ') === birth.join(' ') ? pid : undefined;
}

/** What tells a process from another of the same number: start of the machine, and ticks since then; empty where nobody says. */
async function birthOf(pid: number): Promise<readonly string[]> {
  try {
    const boot = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // Field 22 of proc_pid_stat(5); the second one, a name in parentheses, may hold spaces.
    const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    return ticks === undefined ? [] : [boot, ticks];
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives, under another user.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** @throws AgentError `agent/state-folder` */
export async function makeStateFolder(path: string): Promise<void> {
  try {
    await makeFolder(path, 0o700);
  } catch (error) {
    throw new AgentError(
      'agent/state-folder',
      `The state directory ${path} cannot be made; choose another with --state, or allow the agent to write there.`,
      error,
    );
  }
}
