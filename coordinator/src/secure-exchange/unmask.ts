import {
  applyMasks,
  blockElements,
  closeReveals,
  decodeSum,
  type KeySuite,
  type Mask,
  type ModularLayout,
} from '@starling/federation';
import type { MaskedSum } from '../aggregation/index.js';
import { assert, CoordinatorError, refusal } from '../errors.js';
import type { SecureReport } from '../rounds/index.js';
import type { ProtocolState } from './protocol.js';

export interface OpenedSum {
  /** Weighted mean of the updates, `[parameterCount]`. */
  readonly mean: Float32Array;
  readonly report: SecureReport;
}

/** Of a sum in which more elements than this wrapped around, nothing can be told. */
const wrapRateMax = 1e-3;

/**
 * Takes the masks off the sum, in place, and reads it. Throws `SECURE_AGGREGATION_FAILED` where shares do not open what
 * they should, or, unless `range` is any, the sum left its range.
 */
export async function openSum(
  protocol: ProtocolState,
  sum: MaskedSum,
  layout: ModularLayout,
  rotationSeed: Uint8Array,
  suite: KeySuite,
  range: 'checked' | 'any' = 'checked',
): Promise<OpenedSum> {
  assert(protocol.kind === 'collecting-reveals', `no masks come off while ${protocol.kind}`);
  const unmasking = closeReveals(protocol, suite);
  if (unmasking.kind === 'abandoned') throw failed(`${unmasking.code}: ${unmasking.message}`);
  assert(unmasking.survivors.length === sum.count, 'the sum is of the survivors');
  await takeMasksOff(sum, unmasking.masks);
  const { mean, metrics, report } = decodeSum(layout, sum.elements, sum.count, rotationSeed);
  if (range === 'checked' && report.wrapRate > wrapRateMax) {
    throw failed(
      `some ${(100 * report.wrapRate).toFixed(1)} % of the sum's elements left the ring: its norm is ` +
        `${report.agreement.toFixed(2)} of the longest possible or more; allow for more agreement, or raise clipNorm`,
    );
  }
  return { mean, report: { metrics, encoding: layout.reports === false ? null : report } };
}

/** Elements between which other work gets its turn. */
const sliceElements = 512 * blockElements;

/** In slices: a large round must not keep everybody else from being served. */
async function takeMasksOff({ elements, shape }: MaskedSum, masks: readonly Mask[]): Promise<void> {
  for (let from = 0; from < elements.length; from += sliceElements) {
    const slice = elements.subarray(from, Math.min(elements.length, from + sliceElements));
    applyMasks(slice, masks, shape.ringBits, from);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

function failed(why: string): CoordinatorError {
  return new CoordinatorError(
    refusal(
      'failed-precondition',
      'SECURE_AGGREGATION_FAILED',
      `Secure aggregation failed: ${why}.`,
      'Check in for new work.',
    ),
  );
}
