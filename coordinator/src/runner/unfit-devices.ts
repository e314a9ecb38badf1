import type { DeviceId } from '../ids.js';
import type { RunEvent } from '../runs/index.js';

/** Rounds after which a device that could not do the work is asked again: its examples may be mended. */
const restRounds = 10;

/**
 * Devices whose examples or runtime do not fit the run's plan. They come back at once, and asking them again for every
 * attempt would use up the attempts.
 */
export interface UnfitDevices {
  note(events: readonly RunEvent[]): void;
  /** Those that can be expected to do the work of this round. */
  leaveOut(devices: readonly DeviceId[], round: number): readonly DeviceId[];
}

export function createUnfitDevices(): UnfitDevices {
  const failedIn = new Map<DeviceId, number>();
  return {
    note(events) {
      for (const event of events) {
        if (event.kind !== 'device-failed') continue;
        // Other reasons, such as a training that was interrupted, may be gone the next time.
        const lasting = event.reason === 'examples' || event.reason === 'plan';
        if (lasting) failedIn.set(event.deviceId, event.key.round);
      }
    },
    leaveOut: (devices, round) =>
      devices.filter((deviceId) => {
        const failed = failedIn.get(deviceId);
        return failed === undefined || round - failed >= restRounds;
      }),
  };
}
