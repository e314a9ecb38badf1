/** Secure aggregation over gRPC: maps messages, and asks again where a hold ended without an answer. */
import type { AdvertisedKeys, Roster } from '@starling/federation';
import type * as wire from '@starling/proto';
import type { SecureAggregationService, ServiceClient } from '@starling/proto';
import type { SecureTransport } from './transport.js';

export interface SecureCalls {
  /** On the connection with the newest certificate. */
  client(): ServiceClient<typeof SecureAggregationService>;
  readonly deviceId: string;
  /** Longest time a call is held, in milliseconds. */
  readonly holdMsMax: number;
  /** The options of a call that takes at most so long. */
  within(signal: AbortSignal, ms: number): { readonly signal: AbortSignal; readonly deadlineAtMs: number };
  /** Runs a call; its failures become `CallError`. */
  checked<T>(run: () => Promise<T>): Promise<T>;
}

/** What a call takes beside its hold, in milliseconds: the largest roster is some megabytes. */
const callMsMax = 30_000;

export function secureTransport({
  client,
  deviceId,
  holdMsMax,
  within,
  checked,
}: SecureCalls): SecureTransport {
  /** Makes the same call until it is answered. */
  const held = <Answer>(
    signal: AbortSignal,
    call: (options: ReturnType<typeof within>) => Promise<Answer | undefined>,
  ) =>
    checked(async (): Promise<Answer> => {
      for (;;) {
        signal.throwIfAborted();
        const answer = await call(within(signal, holdMsMax + callMsMax));
        if (answer !== undefined) return answer;
      }
    });

  return {
    advertiseKeys: (round, keys, signal) =>
      held(signal, async (options) => {
        const request = { round, deviceId, keys: advertisedKeysMessage(keys), holdMsMax };
        const { roster } = await client().advertiseKeys(request, options);
        return roster && rosterOf(roster);
      }),

    shareKeys: (round, { commitment, sealed }, signal) =>
      held(signal, async (options) => {
        const shares = sealed.map(({ peer, bytes }) => ({ peer, sealed: bytes }));
        const request = { round, deviceId, shared: { commitment, shares }, holdMsMax };
        const { delivered } = await client().shareKeys(request, options);
        return delivered && { sealed: delivered.shares.map(({ peer, sealed }) => ({ peer, bytes: sealed })) };
      }),

    awaitSurvivors: (round, signal) =>
      held(signal, async (options) => {
        const { survivors } = await client().awaitSurvivors({ round, deviceId, holdMsMax }, options);
        return survivors;
      }),

    signSurvivors: (round, { signature }, signal) =>
      held(signal, async (options) => {
        const request = { round, deviceId, signature, holdMsMax };
        const { collected } = await client().signSurvivors(request, options);
        return collected;
      }),

    revealShares: (round, revealed, signal) =>
      checked(async () => {
        await client().revealShares({ round, deviceId, revealed }, within(signal, callMsMax));
      }),
  };
}

function advertisedKeysMessage(keys: AdvertisedKeys): wire.AdvertisedKeys {
  const { round, device, certificate, sealKey, maskKey, signature } = keys;
  return { roundSha256: round, deviceId: device, certificate, sealKey, maskKey, signature };
}

/** A neighbour without keys is one whose signature does not fit: the protocol refuses it by name. */
const noKeys: wire.AdvertisedKeys = {
  roundSha256: new Uint8Array(0),
  deviceId: '',
  certificate: new Uint8Array(0),
  sealKey: new Uint8Array(0),
  maskKey: new Uint8Array(0),
  signature: new Uint8Array(0),
};

function rosterOf({ leaves, index, degree, threshold, neighbours }: wire.Roster): Roster {
  return {
    leaves,
    index,
    graph: { degree, threshold },
    neighbours: neighbours.map((neighbour) => {
      const { roundSha256, deviceId, certificate, sealKey, maskKey, signature } = neighbour.keys ?? noKeys;
      return {
        index: neighbour.index,
        keys: { round: roundSha256, device: deviceId, certificate, sealKey, maskKey, signature },
      };
    }),
  };
}
