/** What lies in the slots: downloaded so that it can go on where it broke off, and never taken for more than its hash says. */
import { createHash } from 'node:crypto';
import { applyDelta, ReleaseError } from '@starling/federation';
import { descriptionBytesMax, type ReleaseDescription, readDescription } from './description.js';
import { type ReleaseFiles, writeWhole } from './files.js';
import type { Slot, SlotDelta, SlotFile, SlottedRelease } from './state.js';

/** The bytes of an artifact from `offset` on. */
export type ReleaseDownload = (
  sha256: string,
  offset: number,
  signal: AbortSignal,
) => AsyncIterable<Uint8Array>;

export const modelFile = 'model.onnx';
export const descriptionFile = 'release.json';

export function slotPath(name: string, slot: Slot): string {
  return `${name}/${slot}`;
}

/**
 * Brings all of a release into its slot; what is there already, whole or in part, is not downloaded again, nor is what can
 * be made of `base` and a delta.
 *
 * @throws ReleaseError where what came is not what the targets name; AgentError `agent/disk-full`; what `download` throws
 */
export async function fillSlot(
  files: ReleaseFiles,
  download: ReleaseDownload,
  name: string,
  release: SlottedRelease,
  base: SlottedRelease | undefined,
  signal: AbortSignal,
): Promise<ReleaseDescription> {
  const folder = slotPath(name, release.slot);
  const delta = base && release.deltas.find(({ from }) => from === base.version);
  const mine = delta === undefined ? release.files : [...release.files, delta];
  const wanted = new Set(mine.flatMap((file) => [file.name, partName(file)]));
  for (const stale of await files.list(folder)) {
    if (!wanted.has(stale)) await files.remove(`${folder}/${stale}`);
  }
  const model = fileNamed(name, release, modelFile);
  const described = fileNamed(name, release, descriptionFile);
  if (described.sizeBytes > descriptionBytesMax) {
    const message = `The file ${name}/${release.version}/${descriptionFile} has ${described.sizeBytes} bytes; ${descriptionBytesMax} are read.`;
    throw new ReleaseError('RELEASE_TOO_LARGE', message);
  }
  // What it says of itself comes first: where that cannot be used, nothing large is downloaded.
  await fetchFile(files, download, folder, described, signal);
  const bytes = await readSlotFile(files, name, release, descriptionFile);
  if (bytes === undefined) throw mismatch(described);
  const expected = { name, version: release.version, modelSha256: model.sha256 };
  const description = readDescription(bytes, expected);
  if (delta !== undefined && base !== undefined && delta.sizeBytes < model.sizeBytes) {
    await makeModel(files, download, name, { release, base, delta, model }, signal).catch(
      (error: unknown) => {
        // Whatever is wrong with the delta, the whole is there to be had.
        if (!(error instanceof ReleaseError)) throw error;
      },
    );
  }
  for (const file of release.files) {
    if (file !== described) await fetchFile(files, download, folder, file, signal);
  }
  if (delta !== undefined) await files.remove(`${folder}/${delta.name}`);
  return description;
}

/** A file of a slot, its hash checked now; undefined where it is not there or damaged. */
export async function readSlotFile(
  files: Pick<ReleaseFiles, 'read' | 'size'>,
  name: string,
  release: SlottedRelease,
  file: string,
): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const { sha256, sizeBytes } = fileNamed(name, release, file);
  const path = `${slotPath(name, release.slot)}/${file}`;
  if ((await files.size(path)) !== sizeBytes) return undefined;
  const bytes = await files.read(path);
  return bytes !== undefined && sha256Of(bytes) === sha256 ? bytes : undefined;
}

interface Making {
  readonly release: SlottedRelease;
  readonly base: SlottedRelease;
  readonly delta: SlotDelta;
  readonly model: SlotFile;
}

/** The model of the one in the other slot, where that can be done; whether it could is seen by who fetches what is missing. */
async function makeModel(
  files: ReleaseFiles,
  download: ReleaseDownload,
  name: string,
  { release, base, delta, model }: Making,
  signal: AbortSignal,
): Promise<void> {
  const folder = slotPath(name, release.slot);
  const path = `${folder}/${model.name}`;
  // A download of the whole that has begun is gone on with.
  if ((await files.size(path)) !== undefined || (await files.size(`${folder}/${partName(model)}`))) return;
  const before = await readSlotFile(files, name, base, modelFile);
  if (before === undefined) return;
  await fetchFile(files, download, folder, delta, signal);
  const bytes = await files.read(`${folder}/${delta.name}`);
  if (bytes === undefined) return;
  const made = applyDelta(before, bytes, model.sizeBytes);
  // It may have been made of something else.
  if (sha256Of(made) === model.sha256) await writeWhole(files, path, made);
}

async function fetchFile(
  files: ReleaseFiles,
  download: ReleaseDownload,
  folder: string,
  file: SlotFile,
  signal: AbortSignal,
): Promise<void> {
  const path = `${folder}/${file.name}`;
  if ((await files.size(path)) === file.sizeBytes) {
    const held = await files.read(path);
    if (held !== undefined && sha256Of(held) === file.sha256) return;
  }
  const part = `${folder}/${partName(file)}`;
  const resumed = (await files.size(part)) ?? 0;
  const isWhole =
    (await receive(files, download, part, file, resumed, signal)) ||
    // The part may have been damaged when the power failed: only a download from the start can tell.
    (resumed > 0 && (await receive(files, download, part, file, 0, signal)));
  if (!isWhole) throw mismatch(file);
  await files.sync(part);
  await files.rename(part, path);
}

/** Downloads from `offset` on, and tells whether the whole has its hash; removes the part where not. */
async function receive(
  files: ReleaseFiles,
  download: ReleaseDownload,
  part: string,
  file: SlotFile,
  offset: number,
  signal: AbortSignal,
): Promise<boolean> {
  let position = offset > file.sizeBytes ? 0 : offset;
  if (position === 0) await files.remove(part);
  if (position < file.sizeBytes) {
    for await (const chunk of download(file.sha256, position, signal)) {
      if (position + chunk.byteLength > file.sizeBytes) {
        await files.remove(part);
        const message = `More came of ${file.name} than the ${file.sizeBytes} bytes that the targets name.`;
        throw new ReleaseError('RELEASE_TOO_LARGE', message);
      }
      await files.write(part, position, chunk);
      position += chunk.byteLength;
    }
  }
  const received = position === file.sizeBytes ? await files.read(part) : undefined;
  if (received !== undefined && sha256Of(received) === file.sha256) return true;
  await files.remove(part);
  return false;
}

function fileNamed(name: string, { files, version }: SlottedRelease, wanted: string): SlotFile {
  const found = files.find((file) => file.name === wanted);
  if (found !== undefined) return found;
  throw new ReleaseError('RELEASE_UNKNOWN', `Nothing is released as ${name}/${version}/${wanted}.`);
}

/** Names the content: a part of another release is of no use. */
function partName({ name, sha256 }: SlotFile): string {
  return `${name}.${sha256.slice(0, 16)}.part`;
}

function mismatch({ name, sha256 }: SlotFile): ReleaseError {
  const message = `What came as ${name} does not have the SHA-256 ${sha256} that the targets name.`;
  return new ReleaseError('RELEASE_CONTENT_MISMATCH', message);
}

function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
