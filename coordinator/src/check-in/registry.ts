/** The fleet as far as it has been seen: in memory, written to the store from time to time and at the end. */
import { CoordinatorError, refusal } from '../errors.js';
import type { DeviceId } from '../ids.js';
import type { Store, StoredDevice } from '../storage/index.js';

export interface DeviceRegistry {
  /** Throws `FLEET_FULL` for a new device beyond the bound. */
  seen(deviceId: DeviceId, nowMs: number, agentVersion?: string): void;
  find(deviceId: DeviceId): StoredDevice | undefined;
  /** Throws `DEVICE_UNKNOWN` for a device that never checked in. */
  require(deviceId: DeviceId): void;
  /** Number of devices seen within the last `windowMs`; up to a second old, so that it costs next to nothing. */
  countSeen(nowMs: number, windowMs: number): number;
  /** Writes what changed. */
  flush(): Promise<void>;
}

const countAgeMsMax = 1000;

export async function openDeviceRegistry(store: Store, devicesMax: number): Promise<DeviceRegistry> {
  const devices = new Map<DeviceId, StoredDevice>();
  for (const device of await store.devices.list()) devices.set(device.deviceId, device);
  const changed = new Set<DeviceId>();
  let counted = { atMs: Number.NEGATIVE_INFINITY, windowMs: 0, devices: 0 };

  return {
    seen(deviceId, nowMs, agentVersion) {
      const known = devices.get(deviceId);
      if (known === undefined && devices.size >= devicesMax) {
        throw new CoordinatorError(
          refusal(
            'resource-exhausted',
            'FLEET_FULL',
            `This coordinator knows ${devices.size} devices and takes no more.`,
            'Raise the limit on devices, or remove devices that are gone.',
          ),
        );
      }
      devices.set(deviceId, {
        deviceId,
        firstSeenMs: known?.firstSeenMs ?? nowMs,
        lastSeenMs: nowMs,
        agentVersion: agentVersion ?? known?.agentVersion ?? '',
      });
      changed.add(deviceId);
    },

    find: (deviceId) => devices.get(deviceId),

    require(deviceId) {
      if (devices.has(deviceId)) return;
      throw new CoordinatorError(
        refusal(
          'not-found',
          'DEVICE_UNKNOWN',
          `Device ${deviceId} has never checked in here.`,
          'Check in first; only a device with an assignment has something to send.',
        ),
      );
    },

    countSeen(nowMs, windowMs) {
      if (counted.windowMs !== windowMs || nowMs - counted.atMs > countAgeMsMax) {
        let count = 0;
        for (const device of devices.values()) if (device.lastSeenMs > nowMs - windowMs) count += 1;
        counted = { atMs: nowMs, windowMs, devices: count };
      }
      return counted.devices;
    },

    async flush() {
      const rows = [...changed].flatMap((deviceId) => devices.get(deviceId) ?? []);
      changed.clear();
      if (rows.length > 0) await store.devices.upsert(rows);
    },
  };
}
