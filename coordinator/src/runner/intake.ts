/**
 * Verified contributions on their way into one attempt's sum. Group commit: all that wait are folded, one checkpoint of
 * the sum is written, one transaction counts them, and only then are they all acknowledged.
 */
import type { FoldingSum } from '../aggregation/index.js';
import { assert, CoordinatorError, refusal } from '../errors.js';
import { type DeviceId, describeRound, type RoundKey, sameRound } from '../ids.js';
import {
  admissible,
  type Contribution,
  groupIndexOf,
  type PartialSum,
  type RoundState,
  standingOf,
} from '../rounds/index.js';
import type { Apply, RunActor } from './run-actor.js';

/** A verified payload that lies where nobody writes to it; whoever offers it removes it afterwards. */
export interface SpooledPayload {
  readonly path: string;
  /** As it counts in the weighted sum. */
  readonly weight: number;
}

export interface Offer {
  readonly contribution: Contribution;
  /** `null` in evaluation rounds. */
  readonly payload: SpooledPayload | null;
}

export interface Intake {
  /** Resolves when the contribution is durable: true where this offer made it count. Rejects with a typed error. */
  offer(offer: Offer): Promise<boolean>;
}

interface Waiting extends Offer {
  readonly resolve: (newlyCounted: boolean) => void;
  readonly reject: (error: unknown) => void;
}

export interface IntakeOptions {
  readonly key: RoundKey;
  readonly actor: RunActor;
  /** The attempt's sum as of its newest checkpoint. */
  readonly openSum: (partialSum: PartialSum | null) => Promise<FoldingSum>;
  readonly pruneSums: (kept: PartialSum | null) => Promise<void>;
  readonly now: () => number;
  readonly onFailure: (error: unknown) => void;
}

const retryAfterMs = 1000;

/** Bounds how long the first of a batch waits for its acknowledgement. */
const batchMax = 64;

export function createIntake(options: IntakeOptions): Intake {
  const { key, actor, now } = options;
  const waiting: Waiting[] = [];
  let sum: FoldingSum | undefined;
  let scheduled = false;

  const flush = async (): Promise<void> => {
    scheduled = false;
    await actor.exclusive((apply) => foldBatch(waiting.splice(0, batchMax), apply));
    if (waiting.length > 0) schedule();
  };

  const schedule = (): void => {
    if (scheduled) return;
    scheduled = true;
    flush().catch(options.onFailure);
  };

  const foldBatch = async (batch: readonly Waiting[], apply: Apply): Promise<void> => {
    try {
      const round = findRound(actor, key);
      const admitted = admittedOf(round, batch);
      if (admitted.length > 0) {
        const partialSum = await foldPayloads(round, admitted);
        const contributions = admitted.map((offer) => offer.contribution);
        const decision = await apply({ kind: 'count', nowMs: now(), contributions, partialSum });
        if (decision.kind === 'refused') throw new CoordinatorError(decision.refusal);
        await pruneSums(partialSum);
      }
      const counted = new Set(admitted);
      const after = findRound(actor, key);
      for (const each of batch) answer(each, counted.has(each), after, key);
    } catch (error) {
      // What was folded but not counted must not stay in the sum.
      sum = undefined;
      if (!(error instanceof CoordinatorError)) options.onFailure(error);
      for (const each of batch)
        each.reject(error instanceof CoordinatorError ? error : notCounted(each, key));
    }
  };

  const foldPayloads = async (
    round: RoundState | undefined,
    admitted: readonly Waiting[],
  ): Promise<PartialSum | null> => {
    const payloads = admitted.flatMap(({ payload, contribution: { deviceId } }) =>
      payload === null ? [] : [{ ...payload, deviceId }],
    );
    if (payloads.length === 0) return null;
    assert(round?.stage === 'collect', 'nothing is admitted in another stage');
    sum ??= await options.openSum(round.partialSum);
    for (const { path, weight, deviceId } of payloads) {
      await sum.fold(path, weight, groupIndexOf(round, deviceId));
    }
    return sum.checkpoint();
  };

  const pruneSums = async (kept: PartialSum | null): Promise<void> => {
    try {
      if (kept !== null) await options.pruneSums(kept);
    } catch (error) {
      // The updates are counted; what could not be removed is removed at the next start.
      options.onFailure(error);
    }
  };

  return {
    offer: (offer) =>
      new Promise((resolve, reject) => {
        waiting.push({ ...offer, resolve, reject });
        schedule();
      }),
  };
}

function findRound(actor: RunActor, key: RoundKey): RoundState | undefined {
  return actor.rounds().find((round) => sameRound(round.started.key, key));
}

/** The first offer of each device that may be counted now. */
function admittedOf(round: RoundState | undefined, batch: readonly Waiting[]): Waiting[] {
  if (round?.stage !== 'collect') return [];
  const first = new Map<DeviceId, Waiting>();
  for (const each of batch) {
    const { deviceId } = each.contribution;
    if (!first.has(deviceId)) first.set(deviceId, each);
  }
  return admissible(round, [...first.keys()]).flatMap((deviceId) => first.get(deviceId) ?? []);
}

function answer(each: Waiting, newlyCounted: boolean, round: RoundState | undefined, key: RoundKey): void {
  if (newlyCounted) {
    each.resolve(true);
    return;
  }
  const { deviceId } = each.contribution;
  const standing = round === undefined ? undefined : standingOf(round, deviceId);
  if (standing?.kind === 'counted') each.resolve(false);
  else if (standing?.kind === 'refused' || standing?.kind === 'failed') {
    each.reject(new CoordinatorError(standing.refusal));
  } else {
    each.reject(notCounted(each, key));
  }
}

function notCounted({ contribution }: Offer, key: RoundKey): CoordinatorError {
  return new CoordinatorError(
    refusal(
      'aborted',
      'UPDATE_NOT_COUNTED',
      `The update of device ${contribution.deviceId} could not be counted in ${describeRound(key)} just now.`,
      'Send it again.',
      retryAfterMs,
    ),
  );
}
