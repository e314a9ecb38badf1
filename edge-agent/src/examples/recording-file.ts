/** A recording as it lies on this device: YAML with its contract. */
import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { AgentError } from '../errors.js';
import { type Recording, readRecording } from './recording.js';

/** @throws AgentError `agent/configuration`, ExamplesError `examples/contract-invalid` */
export async function readRecordingFile(task: string, path: string): Promise<Recording> {
  return readRecording(task, await readYaml(path), path);
}

async function readYaml(path: string): Promise<unknown> {
  try {
    return parse(await readFile(path, 'utf8'), { maxAliasCount: 16 });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new AgentError('agent/configuration', `The recording ${path} cannot be read: ${why}`, error);
  }
}
