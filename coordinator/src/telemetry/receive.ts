/**
 * What of a batch is new, and what is missing: a pure function of how far its stream has come. Numbers are taken in order
 * and once; a number is passed over only where the device itself reported it lost.
 */

/** Numbers `first` to `end` - 1. */
export interface Range {
  readonly first: number;
  readonly end: number;
}

export interface Loss extends Range {
  readonly reason: LossReason;
}

export type LossReason = 'budget' | 'expired' | 'forgotten' | 'unspecified';

export interface Arrival {
  readonly firstSequence: number;
  readonly recordCount: number;
  /** In order, without overlaps. */
  readonly losses: readonly Loss[];
}

export type Receipt =
  /** All of it was here before; the device has yet to hear so. */
  | { readonly kind: 'known' }
  /** Batches before it are missing: the device sends them again when it hears how far its stream has come. */
  | { readonly kind: 'ahead' }
  | {
      readonly kind: 'news';
      /** How many records at the start of the batch are duplicates. */
      readonly skip: number;
      readonly gaps: readonly Loss[];
      /** How far the stream has come with it. */
      readonly next: number;
    };

/** @param next the number that is expected: everything before it is held, or was reported as lost */
export function receive(next: number, { firstSequence, recordCount, losses }: Arrival): Receipt {
  const end = firstSequence + recordCount;
  const gaps: Loss[] = [];
  let expected = next;
  for (const loss of losses) {
    // Records that came in spite of their loss count as records.
    if (expected >= firstSequence) break;
    if (loss.end <= expected) continue;
    if (loss.first > expected) break;
    const gap = { first: expected, end: Math.min(loss.end, firstSequence), reason: loss.reason };
    gaps.push(gap);
    expected = gap.end;
  }
  if (expected < firstSequence) return { kind: 'ahead' };
  if (end <= expected && gaps.length === 0) return { kind: 'known' };
  return { kind: 'news', skip: expected - firstSequence, gaps, next: Math.max(expected, end) };
}
