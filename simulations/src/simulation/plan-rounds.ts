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
import { attackerCount } from '../execution/attacks.js';
import { deriveSeed, purposes } from '../seeds.js';
import type { PreparedScenario } from './prepare.js';

export function scheduleFor(
  prepared: PreparedScenario,
  asynchronous: boolean,
  ownModel: DeviceModel | undefined,
): Iterable<ScheduledRound> {
  const settings = scheduleSettingsOf(prepared, ownModel);
  const { devices, model } = settings;
  if (!asynchronous || devices === null || model === undefined) return synchronousSchedule(settings);
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
  const downloadBytes = 4 * plan.manifest.parameterCount;
  return {
    seed,
    fleet: clients,
    cohort,
    devices,
    model: devices === null ? ownModel : (ownModel ?? deviceModel(devices, seed)),
    epochs: local.epochs,
    updateOf(client: number, epochs: number): UpdateSize {
      const count = trainingCount(fleet, client);
      const used = training.examplesMax > 0 ? Math.min(training.examplesMax, count) : count;
      return { downloadBytes, uploadBytes, examples: used * epochs };
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
