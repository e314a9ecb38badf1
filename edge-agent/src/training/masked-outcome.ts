import { createHash } from 'node:crypto';
import { contributionOf, type Entropy, encodeContribution, latticeNoise } from '@starling/federation';
import type { Assignment, FinishedUpdate, Outcome, SecureTerms } from '../connection/assignment.js';
import type { Workshop } from './compute.js';
import type { Told } from './protect.js';

/** Encodes, masks and keeps what was computed. Nothing of it is said in the clear. */
export async function maskedOutcome(
  workshop: Pick<Workshop, 'mask' | 'updates' | 'entropy'>,
  { round, taskName }: Assignment,
  { settings, rotationSeed }: SecureTerms,
  delta: Float32Array,
  { exampleCount, metrics }: Told,
  rounding: Entropy,
): Promise<Outcome> {
  const contribution = contributionOf(settings, delta, exampleCount, metrics);
  const { privacy, layout } = settings;
  const { vector } = encodeContribution(layout, contribution, {
    rotationSeed,
    rounding,
    ...(privacy.kind === 'distributed' && {
      noise: latticeNoise(privacy.noise, settings, workshop.entropy),
    }),
  });
  const payload = await workshop.mask(round, vector);
  const update: FinishedUpdate = {
    round,
    taskName,
    sha256: createHash('sha256').update(payload).digest('hex'),
    bytes: payload.byteLength,
    exampleCount: 0,
    metrics: { weight: 0, sums: {} },
    trainingMs: 0,
    masked: true,
  };
  await workshop.updates.save(update, payload);
  return { kind: 'update', update };
}
