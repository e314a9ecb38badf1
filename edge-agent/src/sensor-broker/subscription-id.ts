/**
 * Identifiers of subscriptions (MQTT 5, section 3.8.2.1.2): where several fit a message, a broker may send it once for each, and
 * says for which.
 */
import { createHash } from 'node:crypto';
import type { IPublishPacket } from 'mqtt';

/** Made of the filter, so that what a kept session has from before a change of the configuration names what it is for. */
export function subscriptionId(filter: string): number {
  const idMax = 268_435_455;
  return 1 + (createHash('sha256').update(filter).digest().readUInt32BE() % idMax);
}

/** Whether this copy of a message that fits is the one for the subscription; every copy is, where the broker does not say. */
export function isFor(filter: string, { properties }: Pick<IPublishPacket, 'properties'>): boolean {
  const ids = properties?.subscriptionIdentifier;
  return ids === undefined || [ids].flat().includes(subscriptionId(filter));
}
