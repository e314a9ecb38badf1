/** Where a model comes from: written into the file that is exported, carried into the release that is made of it. */
import * as z from 'zod';

const hash = z.string().regex(/^[0-9a-f]{64}$/);

const originSchema = z.object({
  task: z.object({ name: z.string().min(1).max(64), version: z.int().min(1) }),
  run: z.object({ id: z.string().min(1).max(128), round: z.int().min(0), checkpointSha256: hash }),
  planSha256: hash,
});

/** What a model's file says of itself. Nobody signed it: whoever publishes the model does. */
export type ModelOrigin = Readonly<z.infer<typeof originSchema>>;

/** Of the ONNX file's metadata. */
export const originKey = 'starling.origin';

export function formatOrigin(origin: ModelOrigin): string {
  return JSON.stringify(origin);
}

/** Undefined where there is none, or none that can be read. */
export function readOrigin(metadata: Readonly<Record<string, string>>): ModelOrigin | undefined {
  return parsed(originSchema, metadata[originKey]);
}

const lineageSchema = z.object({
  task: z.object({ name: z.string(), version: z.int().nullable() }).nullable(),
  run: z.object({ id: z.string(), round: z.int().nullable(), checkpointSha256: hash.nullable() }).nullable(),
  planSha256: hash.nullable(),
  contractSha256: hash.nullable(),
  driftSha256: hash.nullable(),
  /** Of the report that `starling model quantize` wrote, which holds no example and no path. */
  quantization: z
    .object({
      method: z.string(),
      reportSha256: hash,
      sizeRatio: z.number(),
      qualityDrop: z.number(),
    })
    .nullable(),
  /** Public keys of those who published it, base64url; whoever signed later is in the targets. */
  publishedBy: z.array(z.string()).min(1).max(64),
  publishedAtMs: z.number(),
  tools: z.record(z.string(), z.string()),
});

/** A release's `lineage.json`. */
export type Lineage = Readonly<z.infer<typeof lineageSchema>>;

export const lineageFile = 'lineage.json';

export function formatLineage(lineage: Lineage): Uint8Array {
  return Buffer.from(`${JSON.stringify(lineage, undefined, 2)}\n`);
}

/** Undefined where it cannot be read. */
export function readLineage(bytes: Uint8Array): Lineage | undefined {
  return parsed(lineageSchema, Buffer.from(bytes).toString('utf8'));
}

function parsed<T>(schema: z.ZodType<T>, text: string | undefined): T | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
