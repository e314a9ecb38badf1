/** Carries operations out on a world. */
import { applySigned, parseTask } from '@starling/coordinator';
import { createClient, FleetService, OperationsService } from '@starling/proto';
import { fairWeather } from '../world/network.js';
import { ownerKey } from '../world/template.js';
import type { World } from '../world/world.js';
import { answerTamperOf, keepMetadata } from './attack-releases.js';
import type { RecordedTelemetry, Revocations } from './checkers/index.js';
import { tasks } from './fleet.js';
import { tamperOf } from './misbehave.js';
import type { Kill, Operation } from './operation.js';
import { createPublisher, type SignedReleases } from './publish.js';

export interface Performing {
  readonly world: World;
  readonly recorded: RecordedTelemetry;
  readonly revoked: Revocations;
  readonly hostile: Set<string>;
  readonly signed: SignedReleases;
  /** Counts what a hunt covered. */
  note(what: string, times?: number): void;
  /** The run that an operator speaks of: the newest. */
  newestRun(): { readonly runId: string; readonly roundsTarget: number } | undefined;
}

/** A process that came to no end by its disk is killed after so long. */
export const killMsMax = 3_000;

export function createPerformer({ world, recorded, revoked, hostile, signed, newestRun, note }: Performing) {
  const { clock, network } = world;
  const operator = world.operator();
  const operations = createClient(OperationsService, operator);
  const fleet = createClient(FleetService, operator);
  const publish = createPublisher(world, signed);
  const oldest = keepMetadata(world);
  let records = 0;

  /** An operator's call may fail, as the coordinator may be away; nobody repeats it. */
  const tried = (call: Promise<unknown>): void => void call.catch(() => {});

  const during = (ms: number, end: () => void): void => void clock.schedule(ms, end);

  const kill = ({ machine, power, at, count, downMs }: Kill): void => {
    const isCoordinator = machine === 'coordinator';
    const process = isCoordinator ? world.coordinatorProcess() : world.life(machine)?.process;
    if (process === undefined) return;
    process.onKilled(() => {
      note(power ? 'power-failures' : 'kills');
      if (power) process.machine.disk.failPower(process.chance);
      clock.schedule(downMs, () => (isCoordinator ? world.startCoordinator() : world.resumeDevice(machine)));
    });
    if (at === 'step') process.io.killAfter(count);
    else process.io.killAtCommit(count, at === 'before-commit' ? 'before' : 'after');
    clock.schedule(killMsMax, () => process.kill());
  };

  const record = async (device: string, count: number): Promise<void> => {
    const telemetry = await world.life(device)?.telemetry;
    if (telemetry === undefined) return;
    const batch = Array.from({ length: count }, () => {
      records += 1;
      return { name: `record-${records}`, timeUnixMs: clock.now(), attributes: [] };
    });
    try {
      await telemetry.record('events', batch);
    } catch {
      // Refused, with a full disk say: then the device owes nothing.
      return;
    }
    const durable = recorded.durable.get(device) ?? new Set();
    recorded.durable.set(device, durable);
    for (const { name } of batch) durable.add(name);
    note('records-recorded', count);
  };

  return (operation: Operation): void => {
    switch (operation.kind) {
      case 'start-run':
        tried(operations.startRun({ taskName: operation.task }));
        return;
      case 'recover':
        // When all is over: see `recover.ts`.
        return;
      case 'stop-run': {
        const run = newestRun();
        if (run !== undefined) tried(operations.stopRun({ runId: run.runId }));
        return;
      }
      case 'resume-run': {
        const run = newestRun();
        if (run !== undefined)
          tried(operations.resumeRun({ runId: run.runId, rounds: run.roundsTarget + 1 }));
        return;
      }
      case 'apply-task': {
        const task = tasks[operation.task];
        const { learningRate } = operation;
        const definition = parseTask(
          JSON.stringify({ ...task, training: { ...task.training, learningRate } }),
        );
        tried(applySigned(operations, definition, ownerKey()));
        return;
      }
      case 'join':
        world.startDevice(operation.device);
        return;
      case 'leave':
        world.leave(operation.device);
        return;
      case 'revoke': {
        const { device } = operation;
        tried(
          fleet
            .revokeDevice({ deviceId: device, reason: 'lost' })
            .then(() => revoked.set(device, clock.monotonic())),
        );
        return;
      }
      case 'record':
        tried(record(operation.device, operation.records));
        return;
      case 'release':
        tried(publish(operation.manner).then(() => note('releases-rolled-out')));
        return;
      case 'attack-releases': {
        const { device, how } = operation;
        network.answerTampers.set(device, answerTamperOf(how, world, signed.size, oldest));
        during(operation.ms, () => void network.answerTampers.delete(device));
        return;
      }
      case 'kill':
        kill(operation);
        return;
      case 'part': {
        const { machine, ms } = operation;
        network.part(machine);
        during(ms, () => network.heal(machine));
        return;
      }
      case 'weather':
        network.weather = operation.weather;
        during(operation.ms, () => {
          network.weather = fairWeather;
        });
        return;
      case 'fill-disk': {
        const machine = world.machine(operation.machine);
        machine.disk.isFull = true;
        during(operation.ms, () => {
          machine.disk.isFull = false;
        });
        return;
      }
      case 'fail-commit':
        world.coordinatorProcess()?.io.failCommit(operation.count);
        return;
      case 'clock-jump':
        world.machine(operation.machine).wallOffsetMs += operation.byMs;
        return;
      case 'misbehave': {
        const { device } = operation;
        hostile.add(device);
        network.tampers.set(device, tamperOf(operation.how));
        during(operation.ms, () => void network.tampers.delete(device));
        return;
      }
    }
  };
}
