/** Secure aggregation's calls: what a device says becomes durable, then the call is held until there is an answer. */
import { hasDevice, rosterFor, type ServerCohort, sharesFor, signaturesFor } from '@starling/federation';
import {
  type CallContext,
  type Handlers,
  requireField,
  type SecureAggregationService,
} from '@starling/proto';
import type { DeviceRegistry } from '../check-in/index.js';
import { CoordinatorError, refusal } from '../errors.js';
import { type DeviceId, describeRound, type RoundKey } from '../ids.js';
import type { RoundState } from '../rounds/index.js';
import type { Runner } from '../runner/index.js';
import {
  advertisedKeysOf,
  collectedSignaturesMessage,
  deliveredSharesMessage,
  type ProtocolState,
  revealedSharesOf,
  rosterMessage,
  type StageMessage,
  sharedKeysOf,
  survivorsMessage,
} from '../secure-exchange/index.js';
import { toWire } from './errors.js';
import { type HoldOptions, holdUntil } from './hold.js';
import { callingDevice, roundKeyOf } from './parse.js';

export interface SecureAggregationHandlersOptions extends HoldOptions {
  readonly registry: DeviceRegistry;
  readonly runner: Runner;
  readonly now: () => number;
}

interface Call {
  readonly key: RoundKey;
  readonly deviceId: DeviceId;
  readonly holdMs: number;
  readonly signal: AbortSignal;
}

interface Named {
  readonly round?: Parameters<typeof roundKeyOf>[0];
  readonly deviceId: string;
  readonly holdMsMax?: number;
}

export function secureAggregationHandlers(
  options: SecureAggregationHandlersOptions,
): Handlers<typeof SecureAggregationService> {
  const { registry, runner, now } = options;

  const callOf = (request: Named, method: string, context: CallContext): Call => {
    const deviceId = callingDevice(request.deviceId, context);
    const { signal } = context;
    registry.require(deviceId);
    registry.seen(deviceId, now());
    const key = roundKeyOf(request.round, `${method}Request.round`);
    return { key, deviceId, holdMs: request.holdMsMax ?? 0, signal };
  };

  const say = async ({ key, deviceId }: Call, message: StageMessage): Promise<void> => {
    await runner.locate(key);
    await (await runner.session(key)).say(deviceId, message);
  };

  /** What `answer` gives once the round has left the given stages; undefined where the hold ended first. */
  const once = async <Answer>(
    call: Call,
    stages: readonly RoundState['stage'][],
    answer: (protocol: ProtocolState, index: (cohort: ServerCohort) => number) => Answer | undefined,
  ): Promise<Answer | undefined> => {
    const { key, deviceId } = call;
    const round = await holdUntil(call, options, async () => {
      const { round } = await runner.locate(key);
      return stages.includes(round.stage) ? undefined : round;
    });
    if (round === undefined) return undefined;
    if (round.stage === 'abandoned') throw new CoordinatorError(abandoned(round, round.event.reason));
    if (round.stage === 'committed') throw new CoordinatorError(closed(key));
    const protocol = (await runner.session(key)).at(round, deviceId);
    const found = answer(protocol, (cohort) => indexIn(cohort, deviceId, key));
    if (found === undefined) throw new CoordinatorError(closed(key));
    return found;
  };

  return {
    advertiseKeys: (request, context) =>
      toWire(async () => {
        const call = callOf(request, 'AdvertiseKeys', context);
        const keys = advertisedKeysOf(requireField(request.keys, 'AdvertiseKeysRequest.keys'));
        await say(call, { stage: 'advertise-keys', keys });
        const roster = await once(call, ['recruit', 'advertise-keys'], (protocol, index) =>
          'cohort' in protocol ? rosterFor(protocol.cohort, index(protocol.cohort)) : undefined,
        );
        return { roster: roster && rosterMessage(roster) };
      }),

    shareKeys: (request, context) =>
      toWire(async () => {
        const call = callOf(request, 'ShareKeys', context);
        const shared = sharedKeysOf(requireField(request.shared, 'ShareKeysRequest.shared'));
        await say(call, { stage: 'share-keys', shared });
        const delivered = await once(call, ['share-keys'], (protocol, index) =>
          'shared' in protocol && protocol.kind !== 'collecting-shares'
            ? sharesFor(protocol.cohort, protocol.shared, index(protocol.cohort))
            : undefined,
        );
        return { delivered: delivered && deliveredSharesMessage(delivered) };
      }),

    awaitSurvivors: (request, context) =>
      toWire(async () => {
        const call = callOf(request, 'AwaitSurvivors', context);
        const before = ['recruit', 'advertise-keys', 'share-keys', 'collect'] as const;
        const announcement = await once(call, before, (protocol, index) => {
          if (!('announcement' in protocol)) return undefined;
          const survived = hasDevice(protocol.announcement.survivors, index(protocol.cohort));
          return survived ? protocol.announcement : undefined;
        });
        return { survivors: announcement && survivorsMessage(announcement) };
      }),

    signSurvivors: (request, context) =>
      toWire(async () => {
        const call = callOf(request, 'SignSurvivors', context);
        const signed = { signature: new Uint8Array(request.signature) };
        await say(call, { stage: 'consistency', signed });
        const collected = await once(call, ['consistency'], (protocol, index) =>
          protocol.kind === 'collecting-reveals'
            ? signaturesFor(protocol, index(protocol.cohort))
            : undefined,
        );
        return { collected: collected && collectedSignaturesMessage(collected) };
      }),

    revealShares: (request, context) =>
      toWire(async () => {
        const call = callOf(request, 'RevealShares', context);
        const revealed = revealedSharesOf(requireField(request.revealed, 'RevealSharesRequest.revealed'));
        const { round } = await runner.locate(call.key);
        // Once the masks are off, what is revealed is not needed any more, and not kept.
        if (round.stage === 'aggregate' || round.stage === 'committed') return {};
        await say(call, { stage: 'unmask', revealed });
        return {};
      }),
  };
}

function indexIn(cohort: ServerCohort, deviceId: DeviceId, key: RoundKey): number {
  const index = cohort.indices.get(deviceId);
  if (index !== undefined) return index;
  throw new CoordinatorError(
    refusal(
      'failed-precondition',
      'STAGE_MISSED',
      `${describeRound(key)} went on without device ${deviceId}, which advertised no keys in time.`,
      'Drop the work and check in for new work.',
    ),
  );
}

function abandoned({ started: { key } }: RoundState, reason: string) {
  return refusal(
    'failed-precondition',
    'ROUND_ABANDONED',
    `${describeRound(key)} was abandoned: ${reason}`,
    'Drop the work and check in for new work.',
  );
}

function closed(key: RoundKey) {
  return refusal(
    'failed-precondition',
    'ROUND_CLOSED',
    `${describeRound(key)} has what it needs; nothing more is wanted of this device.`,
    'Check in for new work.',
  );
}
