/** What a person on the device wants of training; kept in the state directory, so that it outlives a restart. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileDurable } from '../state/atomic-file.js';
import type { Override } from './decide.js';

export const overrides = ['auto', 'pause', 'allow'] as const satisfies readonly Override[];

const fileName = 'training-override';

/** `auto` where nobody said anything, or what is said is none of them. */
export async function readOverride(stateFolder: string): Promise<Override> {
  const text = (await readFile(join(stateFolder, fileName), 'utf8').catch(() => '')).trim();
  return overrides.find((known) => known === text) ?? 'auto';
}

export function writeOverride(stateFolder: string, override: Override): Promise<void> {
  return writeFileDurable(join(stateFolder, fileName), `${override}\n`);
}
