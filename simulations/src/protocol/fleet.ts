/**
 * What the devices of a round do beside what their agents do: train on what fast mode trains on, take their time, attack,
 * and are lost where the schedule loses them.
 */
import type { ExampleSource } from '@starling/engine';
import { fleetReader } from '../data/fleet.js';
import type { SynchronousRound } from '../devices/index.js';
import { attackChance, attackOf } from '../execution/attacks.js';
import { deriveSeed, purposes } from '../seeds.js';
import { attackersOf, scheduleSettingsOf } from '../simulation/plan-rounds.js';
import type { PreparedScenario } from '../simulation/prepare.js';
import type { World } from '../world/world.js';
import type { OwnTraining } from './shared-session.js';

export const deviceOf = (client: number): string => `client-${client}`;
export const clientOf = (device: string): number => Number(device.slice(device.indexOf('-') + 1));

const uploadPath = '/starling.v1.RoundService/UploadUpdate';
/** Of `UploadUpdateRequest.chunk`; what does not begin with it is a header. */
const chunkTag = 0x12;

export interface ProtocolFleet {
  /** Of the device whose agent asks; what it says of their number is its word. */
  examplesOf(device: string): ExampleSource;
  /** What the device trains on now; never, where it is lost over it. */
  trainingOf(device: string): OwnTraining | Promise<never>;
  /** Brings the round's devices, and takes away those of the round before. */
  begin(world: World, scheduled: SynchronousRound): void;
}

export async function createProtocolFleet(prepared: PreparedScenario): Promise<ProtocolFleet> {
  const { scenario, local, fleet } = prepared;
  const { seed, training } = scenario;
  const attack = await attackOf(scenario.attack);
  const isHostile = attackersOf(prepared);
  const settings = scheduleSettingsOf(prepared);
  let world: World | undefined;
  let now: SynchronousRound | undefined;
  let before: readonly string[] = [];
  const speakerOf = (round: SynchronousRound): number | undefined =>
    round.updates.find(({ client }) => isHostile(client))?.client;
  /** All of a sybil's devices do what one of them does. */
  const actorOf = (device: string): number => {
    const client = clientOf(device);
    if (attack?.sybil !== true || !isHostile(client) || now === undefined) return client;
    return speakerOf(now) ?? client;
  };
  // A reader serves one client at a time, and devices train one after the other: each has its own.
  const examplesOf = (device: string): ExampleSource => {
    const client = actorOf(device);
    const own = fleetReader(fleet).training(client, training.examplesMax);
    if (attack?.poison === undefined || !isHostile(clientOf(device))) return own;
    return attack.poison(own, attackChance(local, client, now?.round ?? 0));
  };

  return {
    examplesOf,
    trainingOf(device) {
      if (world === undefined || now === undefined) throw new Error('a device trains in a round');
      const { clock } = world;
      const { round, dropouts } = now;
      if (dropouts.get(clientOf(device)) === 'training') {
        world.life(device)?.process.kill();
        return new Promise(() => {});
      }
      const client = actorOf(device);
      const times = settings.model?.times(
        clientOf(device),
        settings.updateOf(clientOf(device), settings.epochs),
      );
      const chance = attackChance(local, client, round);
      const tamper = isHostile(clientOf(device)) ? attack?.tamper : undefined;
      return {
        examples: examplesOf(device),
        seed: deriveSeed(seed, purposes.training, round, client),
        ...(tamper && { tamper: (delta: Float32Array) => tamper(delta, chance) }),
        async passed(signal) {
          if (times === undefined) return;
          const delayMs = 1_000 * (times.download + times.training + times.upload);
          signal?.throwIfAborted();
          await new Promise<void>((resolve, reject) => {
            const stop = (): void => {
              wait.cancel();
              reject(signal?.reason);
            };
            const wait = clock.schedule(delayMs, () => {
              signal?.removeEventListener('abort', stop);
              resolve();
            });
            signal?.addEventListener('abort', stop, { once: true });
          });
        },
      };
    },
    begin(inWorld, scheduled) {
      world = inWorld;
      now = scheduled;
      const { network } = inWorld;
      const present = scheduled.cohort
        .filter((client) => scheduled.dropouts.get(client) !== 'selected')
        .map(deviceOf);
      network.tampers.clear();
      for (const [client, stage] of scheduled.dropouts) {
        if (stage !== 'upload') continue;
        const device = deviceOf(client);
        network.tampers.set(device, ({ path }, request) => {
          if (path !== uploadPath || request[0] !== chunkTag) return [request];
          inWorld.life(device)?.process.kill();
          return [];
        });
      }
      for (const device of before) if (!present.includes(device)) inWorld.leave(device);
      for (const device of present) inWorld.startDevice(device);
      before = present;
    },
  };
}
