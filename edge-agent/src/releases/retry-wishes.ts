/**
 * What people on the device want tried again, as a file that a command leaves for the agent that runs: the state itself is the
 * running agent's alone.
 */
import * as z from 'zod';
import { type ReleaseFiles, writeWhole } from './files.js';

export interface RetryWish {
  readonly name: string;
  /** All that were given up of that name where it is undefined. */
  readonly version?: number | undefined;
}

const path = 'retry.json';
const takenPath = 'retry.taken.json';
const bytesMax = 64 * 1024;
const schema = z
  .array(z.strictObject({ name: z.string().max(64), version: z.int().min(1).optional() }))
  .max(256);

/** Leaves a wish for the agent. @throws AgentError `agent/disk-full` */
export async function wishRetry(files: ReleaseFiles, wish: RetryWish): Promise<void> {
  const wishes = [...(await read(files, path)), wish];
  await writeWhole(files, path, new TextEncoder().encode(JSON.stringify(wishes)));
}

/**
 * Carries out what was wished, and forgets it. After a crash it is carried out again, which changes nothing; a wish that comes
 * meanwhile is for the next time.
 */
export async function takeRetryWishes(
  files: ReleaseFiles,
  carryOut: (wish: RetryWish) => Promise<void>,
): Promise<void> {
  if ((await files.size(takenPath)) === undefined) {
    if ((await files.size(path)) === undefined) return;
    await files.rename(path, takenPath);
  }
  for (const wish of await read(files, takenPath)) await carryOut(wish);
  await files.remove(takenPath);
}

/** None where the file is not one that was written here. */
async function read(files: ReleaseFiles, at: string): Promise<readonly RetryWish[]> {
  if (((await files.size(at)) ?? 0) > bytesMax) return [];
  const bytes = await files.read(at);
  if (bytes === undefined) return [];
  try {
    return schema.parse(JSON.parse(new TextDecoder().decode(bytes)));
  } catch {
    return [];
  }
}
