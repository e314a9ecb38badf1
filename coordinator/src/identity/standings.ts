/** Which key speaks for which device, in memory: asked at every call, so it must not read the store. */
import type { DeviceId } from '../ids.js';
import type { IdentityStanding, IdentityStore } from '../storage/index.js';

export interface Standings {
  get(deviceId: DeviceId): IdentityStanding | undefined;
  /** After it was stored. Whoever watches is told where a key or a device no longer stands. */
  set(standing: IdentityStanding): void;
  /** Calls back when a key stops speaking for a device: revoked, or replaced by another. */
  onEnded(callback: (deviceId: DeviceId) => void): void;
}

export async function openStandings(identities: IdentityStore): Promise<Standings> {
  const known = new Map<DeviceId, IdentityStanding>();
  for (const standing of await identities.standings()) known.set(standing.deviceId, standing);
  const callbacks: ((deviceId: DeviceId) => void)[] = [];
  return {
    get: (deviceId) => known.get(deviceId),
    set({ deviceId, state, keySha256 }) {
      const before = known.get(deviceId);
      known.set(deviceId, { deviceId, state, keySha256 });
      if (before === undefined) return;
      if (before.keySha256 === keySha256 && state !== 'revoked') return;
      for (const callback of callbacks) callback(deviceId);
    },
    onEnded: (callback) => void callbacks.push(callback),
  };
}
