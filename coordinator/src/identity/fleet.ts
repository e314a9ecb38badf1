/** The fleet as operators see and change it. */
import type { DeviceRegistry } from '../check-in/index.js';
import { CoordinatorError, refusal } from '../errors.js';
import type { DeviceId } from '../ids.js';
import type { SerialQueue } from '../serial-queue.js';
import type { IdentityStore, StoredIdentity } from '../storage/index.js';
import type { Gate } from './gate.js';
import type { Standings } from './standings.js';

export interface FleetDevice extends StoredIdentity {
  /** 0 where it never checked in. */
  readonly lastSeenMs: number;
  readonly agentVersion: string;
  readonly connections: number;
}

export interface Fleet {
  list(group?: string): Promise<readonly FleetDevice[]>;
  /** Throws DEVICE_UNKNOWN. */
  get(deviceId: DeviceId): Promise<FleetDevice>;
  /** Ends the device's key for good, its calls and its connections. Throws DEVICE_UNKNOWN. */
  revoke(deviceId: DeviceId, reason: string): Promise<FleetDevice>;
  /** Throws DEVICE_UNKNOWN, LABELS_INVALID. */
  label(
    deviceId: DeviceId,
    set: Readonly<Record<string, string>>,
    remove: readonly string[],
  ): Promise<FleetDevice>;
}

export interface FleetOptions {
  readonly identities: IdentityStore;
  readonly standings: Standings;
  readonly registry: DeviceRegistry;
  readonly gate: Gate;
  /** Shared with enrolment: a renewal must not undo a revocation that came between. */
  readonly changes: SerialQueue;
  readonly now: () => number;
}

const labelsMax = 64;

export function createFleet({ identities, standings, registry, gate, changes, now }: FleetOptions): Fleet {
  const seen = (identity: StoredIdentity): FleetDevice => {
    const device = registry.find(identity.deviceId);
    return {
      ...identity,
      lastSeenMs: device?.lastSeenMs ?? 0,
      agentVersion: device?.agentVersion ?? '',
      connections: gate.connectionsOf(identity.deviceId),
    };
  };

  const find = async (deviceId: DeviceId): Promise<StoredIdentity> => {
    const identity = await identities.find(deviceId);
    if (identity !== undefined) return identity;
    throw new CoordinatorError(
      refusal(
        'not-found',
        'DEVICE_UNKNOWN',
        `There is no device ${deviceId} in this fleet.`,
        'List the devices to see their ids.',
      ),
    );
  };

  const change = (
    deviceId: DeviceId,
    changed: (identity: StoredIdentity) => StoredIdentity,
  ): Promise<FleetDevice> =>
    changes.run(async () => {
      const identity = changed(await find(deviceId));
      await identities.put(identity);
      standings.set(identity);
      return seen(identity);
    });

  return {
    async list(group) {
      const all = await identities.list();
      return all.filter((identity) => group === undefined || identity.group === group).map(seen);
    },

    get: async (deviceId) => seen(await find(deviceId)),

    revoke: (deviceId, reason) =>
      change(deviceId, (identity) =>
        identity.state === 'revoked'
          ? identity
          : { ...identity, state: 'revoked', revokedAtMs: now(), revocationReason: reason, request: null },
      ),

    label: (deviceId, set, remove) =>
      change(deviceId, (identity) => {
        const labels = { ...identity.labels, ...set };
        for (const key of remove) delete labels[key];
        if (Object.keys(labels).length > labelsMax) {
          throw new CoordinatorError(
            refusal(
              'resource-exhausted',
              'LABELS_INVALID',
              `Device ${deviceId} would have ${Object.keys(labels).length} labels.`,
              `Use at most ${labelsMax}.`,
            ),
          );
        }
        return { ...identity, labels };
      }),
  };
}
