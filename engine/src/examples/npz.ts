/**
 * NumPy's NPZ: a ZIP archive of NPY files, stored or deflated (PKWARE APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16), as
 * `numpy.savez` and `savez_compressed` write them. Archives beyond 4 GiB are not read.
 */
import { readFile } from 'node:fs/promises';
import { inflateRawSync } from 'node:zlib';
import { ExamplesError } from './errors.js';
import { readNpy } from './npy.js';
import { fileBytes, unreadable } from './regular-file.js';
import type { ReadLimits, StoredArray } from './stored-array.js';

const signatures = { entry: 0x02014b50, end: 0x06054b50 } as const;

/**
 * Every array of the archive by its name, without `.npy`.
 * @throws ExamplesError `examples/not-found`, `examples/file-malformed`, `examples/file-unsupported` or `examples/too-large`
 */
export async function readNpz(path: string, limits: ReadLimits): Promise<ReadonlyMap<string, StoredArray>> {
  const archive = await readWhole(path, limits);
  const arrays = new Map<string, StoredArray>();
  let bytesLeft = limits.bytesMax;
  for (const { name, body } of entriesOf(archive, path, limits)) {
    if (!name.endsWith('.npy')) continue;
    const place = `${path}:${name}`;
    const file = {
      path: place,
      bytes: body.length,
      read: async (position: number, length: number) => {
        if (position + length > body.length) throw malformed(place, 'it ends too early');
        const part = Buffer.from(new ArrayBuffer(length));
        body.copy(part, 0, position, position + length);
        return part;
      },
    };
    const array = await readNpy(file, { bytesMax: bytesLeft });
    bytesLeft -= array.values.byteLength;
    arrays.set(name.slice(0, -'.npy'.length), array);
  }
  return arrays;
}

async function readWhole(path: string, { bytesMax }: ReadLimits): Promise<Buffer> {
  try {
    if ((await fileBytes(path)) <= bytesMax) return await readFile(path);
  } catch (error) {
    throw unreadable(path, error, 'Check that it exists.');
  }
  throw new ExamplesError('examples/too-large', path, `it is larger than ${bytesMax} bytes`, 'Split it.');
}

function* entriesOf(
  archive: Buffer,
  path: string,
  { bytesMax }: ReadLimits,
): Generator<{ readonly name: string; readonly body: Buffer }> {
  const word = Buffer.alloc(4);
  word.writeUInt32LE(signatures.end);
  const end = archive.lastIndexOf(word);
  if (end < 0 || end + 22 > archive.length) throw malformed(path, 'it is no ZIP archive');
  let at = archive.readUInt32LE(end + 16);
  for (let entry = archive.readUInt16LE(end + 10); entry > 0; entry -= 1) {
    if (at + 46 > archive.length || archive.readUInt32LE(at) !== signatures.entry) {
      throw malformed(path, 'its directory is damaged');
    }
    const method = archive.readUInt16LE(at + 10);
    const packed = archive.readUInt32LE(at + 20);
    const unpacked = archive.readUInt32LE(at + 24);
    const nameLength = archive.readUInt16LE(at + 28);
    const local = archive.readUInt32LE(at + 42);
    const name = archive.toString('utf8', at + 46, at + 46 + nameLength);
    at += 46 + nameLength + archive.readUInt16LE(at + 30) + archive.readUInt16LE(at + 32);
    if (local + 30 > archive.length || unpacked > bytesMax || (method !== 0 && method !== 8)) {
      throw malformed(path, `its entry ${JSON.stringify(name)} cannot be read`);
    }
    const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
    const body = archive.subarray(start, start + packed);
    yield { name, body: method === 0 ? body : inflate(body, unpacked, path, name) };
  }
}

function inflate(body: Buffer, length: number, path: string, name: string): Buffer {
  try {
    const inflated = inflateRawSync(body, { maxOutputLength: Math.max(1, length) });
    if (inflated.length === length) return inflated;
  } catch {
    // The same sentence as for a wrong length.
  }
  throw malformed(path, `its entry ${JSON.stringify(name)} is damaged`);
}

function malformed(path: string, problem: string): ExamplesError {
  return new ExamplesError('examples/file-malformed', path, problem, 'Write it again with numpy.savez.');
}
