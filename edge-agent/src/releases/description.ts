/** What a release says of itself, in its `release.json`: which model it is, and by what it is judged on a device. */
import { ReleaseError } from '@starling/federation';
import * as z from 'zod';

const share = z.number().min(0).max(1);

const healthSchema = z.object({
  /** How long it is watched before it counts as proven. */
  watchMs: z.number().min(0).max(1e10),
  /** Longest that 99 of 100 answers may take; not judged where it is null. */
  latencyMsMax: z.number().positive().nullable().default(null),
  /** Least share of recent labelled examples that it must tell right. */
  accuracyMin: share.nullable().default(null),
  /** Least share of recent rows on which it must say the same class as what serves. */
  agreementMin: share.nullable().default(null),
  /** Share of requests that may fail in the watch, beyond the share that failed before it. */
  errorShareMax: share.default(0.05),
  /** How often the process may end unasked while it is tried or watched. */
  crashesMax: z.int().min(0).max(100).default(2),
  /** Stability index of its scores beyond which they have drifted; not judged where it is null. */
  scoreDriftMax: z.number().positive().nullable().default(null),
});

const descriptionSchema = z.object({
  name: z.string(),
  version: z.int().min(1),
  model: z.object({ path: z.string(), sha256: z.string() }),
  /** Whose examples it is tried on, where they are not called as the release. */
  task: z.string().nullish(),
  health: healthSchema,
});

/** By what a release is judged on a device. */
export type HealthChecks = Readonly<z.infer<typeof healthSchema>>;

export interface ReleaseDescription {
  readonly health: HealthChecks;
  /** Whose recent examples it is tried on. */
  readonly task: string;
}

/** Longest `release.json` that is read. */
export const descriptionBytesMax = 1 << 20;

/**
 * Reads a description whose hash was checked, and that it is of this very release: whoever signed targets may have put one
 * release's files under another's name.
 *
 * @param modelSha256 what the targets say of the model
 * @throws ReleaseError `RELEASE_MALFORMED`, `RELEASE_MIX_AND_MATCH`
 */
export function readDescription(
  bytes: Uint8Array,
  expected: { readonly name: string; readonly version: number; readonly modelSha256: string },
): ReleaseDescription {
  const { name, version, modelSha256 } = expected;
  const path = `${name}/${version}/release.json`;
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    throw new ReleaseError('RELEASE_MALFORMED', `The file ${path} is no JSON.`, error);
  }
  const parsed = descriptionSchema.safeParse(json);
  if (!parsed.success) {
    const [{ path: at, message }] = parsed.error.issues;
    throw new ReleaseError(
      'RELEASE_MALFORMED',
      `The file ${path} cannot be read: ${at.join('.')}: ${message}`,
    );
  }
  const { data } = parsed;
  if (data.name !== name || data.version !== version || data.model.sha256 !== modelSha256) {
    const what = `describes version ${data.version} of ${data.name.slice(0, 80)}, or another model`;
    throw new ReleaseError('RELEASE_MIX_AND_MATCH', `The file ${path} ${what}.`);
  }
  return { health: data.health, task: data.task ?? name };
}
