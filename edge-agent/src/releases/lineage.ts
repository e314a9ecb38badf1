/** Where a release comes from, as its `lineage.json` says: for people; nothing is decided by it. */
import * as z from 'zod';
import type { ReleaseFiles } from './files.js';
import { readSlotFile } from './slots.js';
import type { InstalledRelease } from './state.js';

export const lineageFile = 'lineage.json';
/** Longest lineage that is read. */
const lineageBytesMax = 1 << 18;

const hash = z.string().regex(/^[0-9a-f]{64}$/);

const lineageSchema = z.object({
  task: z.object({ name: z.string(), version: z.int().nullable() }).nullable(),
  run: z.object({ id: z.string(), round: z.int().nullable(), checkpointSha256: hash.nullable() }).nullable(),
  planSha256: hash.nullable(),
  contractSha256: hash.nullable(),
  quantization: z.object({ method: z.string(), reportSha256: hash }).nullable(),
  /** Public keys of those who published it, base64url; whoever signed later is in the targets. */
  publishedBy: z.array(z.string()),
  tools: z.record(z.string(), z.string()),
});

export type Lineage = Readonly<z.infer<typeof lineageSchema>>;

/** Undefined where the release has none, or none that can be read. */
export async function lineageOf(
  files: Pick<ReleaseFiles, 'read' | 'size'>,
  name: string,
  release: InstalledRelease,
): Promise<Lineage | undefined> {
  const listed = release.files.find((file) => file.name === lineageFile);
  if (listed === undefined || listed.sizeBytes > lineageBytesMax) return undefined;
  const bytes = await readSlotFile(files, name, release, lineageFile);
  if (bytes === undefined) return undefined;
  try {
    return lineageSchema.parse(JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)));
  } catch {
    return undefined;
  }
}
