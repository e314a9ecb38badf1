/** After the last fault, one more run: whatever happened before, it must complete. */
import { createClient, OperationsService } from '@starling/proto';
import type { World } from '../world/world.js';
import type { MakeChecker } from './checkers/index.js';
import type { FaultTask } from './fleet.js';
import type { Operation } from './operation.js';

export interface Recovery {
  /** Faults are over. */
  begin(): void;
  /** Whether it has yet to start. */
  isDue(): boolean;
  readonly rule: MakeChecker;
}

const againMs = 2_000;
/** Of the five devices, so many make a cohort. */
const cohort = 3;

/** Clocks that stay wrong keep devices out for good, by their certificates. */
const lasting: ReadonlySet<Operation['kind']> = new Set(['clock-jump']);

export function createRecovery(
  world: World,
  operations: readonly Operation[],
  isRevoked: (device: string) => boolean,
): Recovery {
  const wanted = operations.find(({ kind }) => kind === 'recover');
  const task: FaultTask | undefined =
    wanted?.kind === 'recover' && !operations.some(({ kind }) => lasting.has(kind)) ? wanted.task : undefined;
  let runId: string | undefined;
  let isGivenUp = task === undefined;
  const start = (): void => {
    if (task === undefined) return;
    if ([...world.devices.keys()].filter((device) => !isRevoked(device)).length < cohort) {
      isGivenUp = true;
      return;
    }
    createClient(OperationsService, world.operator())
      .startRun({ taskName: task })
      .then(
        (started) => {
          runId = started.run?.runId;
        },
        () => void world.clock.schedule(againMs, start),
      );
  };
  return {
    // Devices that were down come back first.
    begin: () => void world.clock.schedule(againMs, start),
    isDue: () => !isGivenUp && runId === undefined,
    rule: ({ report, runs }) => ({
      name: 'recovery',
      atEnd() {
        if (runId === undefined) return;
        const failed = runs.get(runId)?.find(({ event }) => event.kind === 'device-failed')?.event;
        if (failed?.kind === 'device-failed')
          report(`after all faults, ${failed.deviceId} fails in run ${runId} of ${task}`);
        const ended = runs.get(runId)?.findLast(({ event }) => event.kind === 'run-ended')?.event;
        if (ended?.kind === 'run-ended' && ended.state !== 'completed')
          report(`after all faults, run ${runId} of ${task} ${ended.state}: ${ended.reason}`);
      },
    }),
  };
}
