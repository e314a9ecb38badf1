/** Who takes part when, and who is hostile: decided by the scenario before anything is computed. */

import { trainingCount } from '../data/fleet.js';
import {
  asynchronousSchedule,
  type DeviceModel,
  deviceModel,
  drawClients,
  type ScheduledRound,
  type ScheduleSettings,
  synchronousSchedule,
  type UpdateSize,
} from '../devices/index.js';
import { SimulationError } from '../errors.js';
import { attackerCount } from '../execution/attacks.js';
import { devicePartOf } from '../execution/client.js';
import { deriveSeed, purposes } from '../seeds.js';
import type { PreparedScenario } from './prepare.js';

export function scheduleFor(
  prepared: PreparedScenario,
  asynchronous: boolean,
  ownModel: DeviceModel | undefined,
): Iterable<ScheduledRound> {
  const settings = scheduleSettingsOf(prepared, ownModel);
  const { devices, model } = settings;
  if (!asynchronous || devices === null || model === null) return synchronousSchedule(settings);
  const { local, cohort } = prepared;
  const buffer = local.algorithm.kind === 'fedasync' ? 1 : cohort;
  return asynchronousSchedule({ ...settings, devices, model }, buffer);
}

/** What a schedule is drawn from; both modes draw the same. */
export function scheduleSettingsOf(
  { scenario, clients, cohort, fleet, plan, local, uploadBytes }: PreparedScenario,
  ownModel?: DeviceModel,
): ScheduleSettings {
  const { devices, seed, training } = scenario;
  const { broadcastVectors, hasExtra } = devicePartOf(local.algorithm);
  const vectorBytes = 4 * plan.manifest.parameterCount;
  // Who trains alone, or has all examples, sends nothing and is sent nothing.
  const alone = scenario.strategy.kind === 'local-only' || scenario.strategy.kind === 'centralized';
  const size = alone
    ? { downloadBytes: 0, uploadBytes: 0 }
    : {
        downloadBytes: (1 + broadcastVectors) * vectorBytes,
        uploadBytes: uploadBytes + (hasExtra ? vectorBytes : 0),
      };
  return {
    seed,
    fleet: clients,
    cohort,
    devices,
    model: ownModel === undefined ? devices && deviceModel(devices, seed) : checkedModel(ownModel),
    epochs: local.epochs,
    updateOf(client: number, epochs: number): UpdateSize {
      const count = trainingCount(fleet, client);
      const used = training.examplesMax > 0 ? Math.min(training.examplesMax, count) : count;
      return { ...size, examples: used * epochs };
    },
  };
}

/** A caller's own, whose numbers a schedule can go by. */
function checkedModel(own: DeviceModel): DeviceModel {
  const refuse = (what: string, remedy: string): never => {
    throw new SimulationError('simulation/plug-in', `The device model gives ${what}.`, remedy);
  };
  return {
    times(client, update) {
      const times = own.times(client, update);
      for (const part of ['download', 'training', 'upload'] as const) {
        if (times[part] >= 0) continue;
        refuse(`client ${client} ${times[part]} seconds for ${part}`, 'Give a number of seconds, 0 or more.');
      }
      return times;
    },
    availability(client, seconds) {
      const chance = own.availability(client, seconds);
      if (chance >= 0 && chance <= 1) return chance;
      return refuse(`client ${client} an availability of ${chance}`, 'Give a probability, from 0 to 1.');
    },
  };
}

/** Which clients are hostile: a share of the fleet, the same in every round. */
export function attackersOf({ scenario, clients }: PreparedScenario): (client: number) => boolean {
  const { attack, seed } = scenario;
  if (attack === null) return () => false;
  const wanted = attackerCount(attack.share, clients);
  const hostile = new Set(drawClients(clients, wanted, deriveSeed(seed, purposes.attackers)));
  return (client) => hostile.has(client);
}
