/** Who takes part when, and who is hostile: decided by the scenario before anything is computed. */
import { trainingCount } from '../data/fleet.js';
import {
  asynchronousSchedule,
  type DeviceModel,
  deviceModel,
  drawClients,
  type ScheduledRound,
  synchronousSchedule,
  type UpdateSize,
} from '../devices/index.js';
import { deriveSeed, purposes } from '../seeds.js';
import type { PreparedScenario } from './prepare.js';

export function scheduleFor(
  prepared: PreparedScenario,
  asynchronous: boolean,
  ownModel: DeviceModel | undefined,
): Iterable<ScheduledRound> {
  const { scenario, clients, cohort, fleet, plan, local, uploadBytes } = prepared;
  const { devices, seed, training } = scenario;
  const model = devices === null ? ownModel : (ownModel ?? deviceModel(devices, seed));
  const downloadBytes = 4 * plan.manifest.parameterCount;
  const settings = {
    seed,
    fleet: clients,
    cohort,
    devices,
    model,
    epochs: local.epochs,
    updateOf(client: number, epochs: number): UpdateSize {
      const count = trainingCount(fleet, client);
      const used = training.examplesMax > 0 ? Math.min(training.examplesMax, count) : count;
      return { downloadBytes, uploadBytes, examples: used * epochs };
    },
  };
  if (!asynchronous || devices === null || model === undefined) return synchronousSchedule(settings);
  const buffer = local.algorithm.kind === 'fedasync' ? 1 : cohort;
  return asynchronousSchedule({ ...settings, devices, model }, buffer);
}

/** Which clients are hostile: a share of the fleet, the same in every round. */
export function attackersOf({ scenario, clients }: PreparedScenario): (client: number) => boolean {
  const { attack, seed } = scenario;
  if (attack === null) return () => false;
  const wanted = Math.round(attack.share * clients);
  const hostile = new Set(drawClients(clients, wanted, deriveSeed(seed, purposes.attackers)));
  return (client) => hostile.has(client);
}
