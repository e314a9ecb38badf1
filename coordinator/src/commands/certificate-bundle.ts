/** Requests and certificates as a file that is carried to the authority's key and back. */
import * as z from 'zod';
import { UsageError } from './explain.js';

export interface BundleEntry {
  readonly deviceId: string;
  readonly group: string;
  /** PKCS#10 or X.509. */
  readonly der: Uint8Array;
}

export type BundleKind = 'requests' | 'certificates';

const schema = z.strictObject({
  kind: z.enum(['starling-requests', 'starling-certificates']),
  devices: z
    .array(z.strictObject({ deviceId: z.string(), group: z.string(), der: z.base64() }))
    .max(1_000_000),
});

export function writeBundle(kind: BundleKind, entries: readonly BundleEntry[]): string {
  const devices = entries.map(({ deviceId, group, der }) => ({
    deviceId,
    group,
    der: Buffer.from(der).toString('base64'),
  }));
  return `${JSON.stringify({ kind: `starling-${kind}`, devices }, null, 2)}\n`;
}

/** Throws a `UsageError` that names the file. */
export function readBundle(kind: BundleKind, text: string, path: string): readonly BundleEntry[] {
  const parsed = schema.safeParse(parseJson(text));
  if (!parsed.success || parsed.data.kind !== `starling-${kind}`) {
    const made = kind === 'requests' ? 'starling device requests --output FILE' : 'starling authority sign';
    throw new UsageError(`${path} holds no ${kind}.`, `"${made}" makes such a file.`);
  }
  return parsed.data.devices.map((entry) => ({ ...entry, der: Buffer.from(entry.der, 'base64') }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
