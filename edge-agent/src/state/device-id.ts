/** The device's name: chosen once, kept in the state directory. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Entropy, randomId } from '@starling/federation';
import { AgentError } from '../errors.js';
import { isMissing, writeFileDurable } from './atomic-file.js';

const pattern = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * The kept id; at the first start `chosen`, or a random one where nobody chose.
 *
 * @throws AgentError where `chosen` is not an id or not the one that is kept
 */
export async function deviceId(
  stateFolder: string,
  chosen: string | undefined,
  entropy: Entropy,
): Promise<string> {
  if (chosen !== undefined && !pattern.test(chosen)) {
    throw new AgentError(
      'agent/configuration',
      `The device id ${JSON.stringify(chosen.slice(0, 80))} is not valid; use 1 to 64 characters of A-Z, a-z, 0-9, ".", "_" and "-".`,
    );
  }
  const kept = await readKept(stateFolder);
  if (kept === undefined) {
    const id = chosen ?? `device-${randomId(entropy)}`;
    await writeFileDurable(join(stateFolder, 'device-id'), `${id}\n`);
    return id;
  }
  if (chosen !== undefined && chosen !== kept) {
    throw new AgentError(
      'agent/configuration',
      `${stateFolder} belongs to the device ${kept}, not to ${chosen}; leave the device id out, or give each device a state directory of its own.`,
    );
  }
  return kept;
}

/** The id that `stateFolder` keeps, or undefined before the first start. */
export async function readKept(stateFolder: string): Promise<string | undefined> {
  const path = join(stateFolder, 'device-id');
  let text: string;
  try {
    text = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (isMissing(error)) {
      return undefined;
    }
    throw error;
  }
  if (!pattern.test(text)) {
    throw new AgentError(
      'agent/state-folder',
      `${path} does not hold a device id; remove it to choose a new one.`,
    );
  }
  return text;
}
