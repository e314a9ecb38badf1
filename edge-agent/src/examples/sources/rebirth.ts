/**
 * Asks Sparkplug edge nodes for their births (Eclipse Sparkplug 3.0, tck-id-operational-behavior-data-commands-ncmd-rebirth-*):
 * whoever begins to listen later has missed what tells their metrics' names.
 */
import type { Clock } from '@starling/federation';
import { encodeMessage, SparkplugPayload } from '@starling/proto/sparkplug';

export interface RebirthRequest {
  readonly topic: string;
  readonly payload: Buffer;
}

/** A node's births may be large, and its data come many times a second. */
const askAgainMs = 60_000;
/** Nodes that are remembered as asked. */
const nodesMax = 1024;

/** Gives what to publish for a message whose names are unknown; undefined where its topic is none of Sparkplug's, or it was asked just now. */
export function createRebirths(clock: Clock): (topic: string) => RebirthRequest | undefined {
  const askedMs = new Map<string, number>();
  return (topic) => {
    const [, group, node] = /^spBv1\.0\/([^/]+)\/[ND]DATA\/([^/]+)(?:\/[^/]+)?$/.exec(topic) ?? [];
    if (group === undefined || node === undefined) return undefined;
    const to = `spBv1.0/${group}/NCMD/${node}`;
    const nowMs = clock.monotonic();
    if (nowMs - (askedMs.get(to) ?? Number.NEGATIVE_INFINITY) < askAgainMs) return undefined;
    if (askedMs.size >= nodesMax) askedMs.clear();
    askedMs.set(to, nowMs);
    const rebirth = {
      name: 'Node Control/Rebirth',
      timestamp: clock.now(),
      datatype: 11,
      isNull: false,
      value: { kind: 'booleanValue', value: true },
    } as const;
    const message = { timestamp: clock.now(), metrics: [rebirth] };
    return { topic: to, payload: Buffer.from(encodeMessage(SparkplugPayload, message)) };
  };
}
