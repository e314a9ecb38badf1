/**
 * What this device keeps of a model to itself, one file for each task: parameters that are trained here, and are in no checkpoint
 * and no update. A file holds them as of before its newest round and as of after it, so that a round that is trained again,
 * because it was cut short or given up, begins where it began the first time. Mode 0600, replaced in one step.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isMissing, writeFileDurable } from './atomic-file.js';

/** Of which model the numbers are: another run starts from other parameters, another plan has others. */
export interface LocalModel {
  readonly taskName: string;
  readonly runId: string;
  /** SHA-256 of the plan's manifest. */
  readonly plan: string;
}

export interface LocalStore {
  /** The newest, or those as of before `round` where that is the newest that was trained; undefined where there are none. */
  load(model: LocalModel, round?: number): Promise<Float32Array | undefined>;
  /** Replaces what is kept of the task. */
  save(model: LocalModel, round: number, before: Float32Array, after: Float32Array): Promise<void>;
}

interface Header extends LocalModel {
  readonly version: 1;
  readonly round: number;
  readonly count: number;
  /** Of both vectors, lower-case hexadecimal. */
  readonly sha256: string;
}

const headerBytesMax = 4096;

export function openLocalStore(stateFolder: string): LocalStore {
  const folder = join(stateFolder, 'local');
  const pathOf = (taskName: string): string =>
    join(folder, `${createHash('sha256').update(taskName).digest('hex').slice(0, 32)}.bin`);
  return {
    async load(model, round) {
      const path = pathOf(model.taskName);
      let content: Buffer;
      try {
        content = await readFile(path);
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw error;
      }
      const end = content.subarray(0, headerBytesMax).indexOf(0x0a);
      const header = headerOf(content.subarray(0, Math.max(0, end)));
      const body = content.subarray(end + 1);
      if (header === undefined || hashOf(body) !== header.sha256) {
        // A disk that lost a part of it: training starts from what the plan holds.
        await rm(path, { force: true });
        return undefined;
      }
      const { taskName, runId, plan, count } = header;
      if (taskName !== model.taskName || runId !== model.runId || plan !== model.plan) return undefined;
      const values = Float32Array.from({ length: 2 * count }, (_, index) => body.readFloatLE(4 * index));
      return header.round === round ? values.subarray(0, count) : values.subarray(count);
    },
    async save(model, round, before, after) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const body = Buffer.alloc(4 * (before.length + after.length));
      [...before, ...after].forEach((value, index) => void body.writeFloatLE(value, 4 * index));
      const { taskName, runId, plan } = model;
      const header: Header = {
        version: 1,
        taskName,
        runId,
        plan,
        round,
        count: after.length,
        sha256: hashOf(body),
      };
      await writeFileDurable(
        pathOf(taskName),
        Buffer.concat([Buffer.from(`${JSON.stringify(header)}\n`), body]),
      );
    },
  };
}

/** Only `save` writes the file; one that a full disk cut short is worth nothing. */
function headerOf(bytes: Uint8Array): Header | undefined {
  try {
    const header = JSON.parse(new TextDecoder().decode(bytes)) as Header;
    return header.version === 1 ? header : undefined;
  } catch {
    return undefined;
  }
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
