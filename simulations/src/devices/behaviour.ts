/** How long a device takes, and whether it is there, in virtual time. */
import { randomStream, standardNormal } from '@starling/engine';
import type { Scenario } from '../scenario/index.js';
import { deriveSeed, purposes } from '../seeds.js';

export type DeviceSettings = NonNullable<Scenario['devices']>;

/** What one device needs for one update, in seconds. */
export interface DeviceTimes {
  readonly download: number;
  readonly training: number;
  readonly upload: number;
}

export interface UpdateSize {
  readonly downloadBytes: number;
  readonly uploadBytes: number;
  /** Examples trained on, over all epochs. */
  readonly examples: number;
}

/** A device model of the caller's own: everything the schedule asks of devices. */
export interface DeviceModel {
  times(client: number, update: UpdateSize): DeviceTimes;
  /** Probability that the device can be selected at that time, in seconds since the start. */
  availability(client: number, seconds: number): number;
  /** Whether every device is there at all times, so that none needs to be asked. */
  readonly always?: boolean;
}

/** Log-normal speeds and networks, each device with its own, which it keeps. */
export function deviceModel(settings: DeviceSettings, seed: number): DeviceModel {
  const { speed, network, availability } = settings;
  return {
    always: availability.kind === 'always',
    times(client, { downloadBytes, uploadBytes, examples }) {
      const normal = standardNormal(randomStream(deriveSeed(seed, purposes.devices, client), 0));
      const slowness = Math.exp(speed.spread * normal());
      const congestion = Math.exp(network.spread * normal());
      const latency = network.latencyMs / 1000;
      const megabit = 1e6 / 8;
      return {
        download: latency + (congestion * downloadBytes) / (network.downloadMbps * megabit),
        training: (slowness * examples) / speed.examplesPerSecond,
        upload: latency + (congestion * uploadBytes) / (network.uploadMbps * megabit),
      };
    },
    availability(client, seconds) {
      if (availability.kind === 'always') return 1;
      const { high, low, peakHour, zones } = availability;
      const zone = (zones * deriveSeed(seed, purposes.availability, client)) / 2 ** 32;
      const hour = seconds / 3600 + zone - peakHour;
      return low + ((high - low) * (1 + Math.cos((2 * Math.PI * hour) / 24))) / 2;
    },
  };
}
