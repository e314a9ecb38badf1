/**
 * The rounds of a scenario through the real coordinator and agents, in virtual time. Who takes part, where training starts
 * and how examples are shuffled is what fast mode draws, so that both give the same model: in the clear bit for bit, under
 * masks up to the steps that updates are rounded to, because each mode draws its own.
 */

import type { RunEvent } from '@starling/coordinator';
import type { LineOf } from '@starling/coordinator/definitions';
import { type ExampleSource, localStart, type MetricSums, onnxruntimeTraining } from '@starling/engine';
import { createClient, OperationsService } from '@starling/proto';
import { ClientExamples, type SharedExamples } from '../data/examples.js';
import { synchronousSchedule } from '../devices/index.js';
import { SimulationError } from '../errors.js';
import { triggeredExamples } from '../execution/attacks.js';
import { deriveSeed, purposes } from '../seeds.js';
import { checkpointHash, type SimulationState } from '../simulation/checkpoint.js';
import { scheduleSettingsOf } from '../simulation/plan-rounds.js';
import type { PreparedScenario } from '../simulation/prepare.js';
import { epsilonAfter, reachedTarget } from '../simulation/round-metrics.js';
import type { SimulatedRound } from '../simulation/simulation.js';
import { followLog } from '../world/follow-log.js';
import { makeTemplate } from '../world/template.js';
import { createWorld, type World } from '../world/world.js';
import { clientOf, createProtocolFleet, deviceOf } from './fleet.js';
import { createSharedSession, type SharedSession } from './shared-session.js';
import { taskOf } from './task.js';

export interface ProtocolOptions {
  readonly lineOf?: LineOf;
  /** Goes on after this state: what came before is computed again, and must come to the same. */
  readonly resume?: SimulationState;
}

/** Ends with the stop rule. Throws a `SimulationError` that names what only fast mode does. */
export async function* protocolRounds(
  prepared: PreparedScenario,
  { lineOf = () => undefined, resume }: ProtocolOptions = {},
): AsyncGenerator<SimulatedRound, void> {
  const { scenario, plan, clients } = prepared;
  const task = taskOf(prepared, lineOf);
  const devices = Array.from({ length: clients }, (_, client) => deviceOf(client));
  const template = await makeTemplate({ devices, tasks: [task] });
  const session = createSharedSession(await onnxruntimeTraining.load(plan));
  const fleet = await createProtocolFleet(prepared);
  const busy = new Set<Promise<unknown>>();
  const world = createWorld({
    seed: scenario.seed,
    template,
    busy,
    // Only to be counted: what trains reads the client's examples itself.
    examplesOf: fleet.examplesOf,
    runtimeOf: (_process, device) => ({
      name: 'onnxruntime',
      load: async () => session.of(busy, () => fleet.trainingOf(device)),
    }),
  });
  const log = followLog(world);
  const committed: CommittedRound[] = [];
  let counted: Contribution[] = [];
  let ended: string | undefined;
  const onEvents = (_run: string, events: readonly RunEvent[]): void => {
    for (const event of events) {
      if (event.kind === 'round-started') counted = [];
      if (event.kind === 'contributions-counted') counted.push(...event.contributions);
      if (event.kind === 'round-committed') committed.push({ event, counted });
      if (event.kind === 'run-ended' && event.state !== 'completed') ended = event.reason;
    }
  };
  const gone = (message: string): void => {
    throw new Error(message);
  };
  try {
    world.startCoordinator();
    const operations = createClient(OperationsService, world.operator());
    const start = (): void => {
      const seed = deriveSeed(scenario.seed, purposes.model);
      operations.startRun({ taskName: 'scenario', seed }).catch((error: unknown) => {
        ended = error instanceof Error ? error.message : String(error);
      });
    };
    world.clock.schedule(1_000, start);
    for (const scheduled of synchronousSchedule(scheduleSettingsOf(prepared))) {
      const { round } = scheduled;
      fleet.begin(world, scheduled);
      while (committed.length <= round && ended === undefined) {
        if (!(await world.step())) ended = 'nothing is left to happen';
        log.look(onEvents, gone);
      }
      const mishap = world.mishaps.at(0);
      if (mishap !== undefined) throw new Error(`${mishap.where} failed`, { cause: mishap.error });
      if (ended !== undefined) throw endedEarly(round, ended);
      const made = await simulated(prepared, session, world, committed[round], scheduled.selected);
      if (resume === undefined || round + 1 > resume.rounds) yield made;
      else if (round + 1 === resume.rounds) checkSame(made, resume);
      if (made.last) return;
    }
  } finally {
    world.end();
    await session.release();
  }
}

interface CommittedRound {
  readonly event: RunEvent & { kind: 'round-committed' };
  readonly counted: readonly Contribution[];
}

type Contribution = (RunEvent & { kind: 'contributions-counted' })['contributions'][number];

const endedEarly = (round: number, reason: string): SimulationError =>
  new SimulationError(
    'simulation/protocol',
    `The run ended before round ${round + 1} was committed: ${reason}`,
    'Where devices drop out, select more: devices.overSelection, or a larger cohort.',
  );

function checkSame({ state }: SimulatedRound, resume: SimulationState): void {
  const [made, kept] = [state, resume].map(({ checkpoints }) => checkpoints.at(-1)?.parameters);
  if (made !== undefined && kept !== undefined && checkpointHash(made) === checkpointHash(kept)) return;
  throw new SimulationError(
    'simulation/run-folder',
    `Computed again, round ${resume.rounds} is not what the folder holds.`,
    'Go on with the version of starling-sim that began the run, on a machine like it.',
  );
}

async function simulated(
  prepared: PreparedScenario,
  session: SharedSession,
  { coordinator, clock }: World,
  { event, counted }: CommittedRound,
  selected: number,
): Promise<SimulatedRound> {
  const { scenario, test, plan } = prepared;
  const { checkpoint, key, updates, bytesUploaded, bytesDownloaded, secure } = event;
  const { sha256 } = checkpoint;
  const inode = coordinator.disk.require(`/coordinator/artifacts/${sha256.slice(0, 2)}/${sha256}`);
  const parameters = new Float32Array(inode.content.slice().buffer);
  const { stop, evaluation, attack, privacy } = scenario;
  const last = key.round >= stop.rounds;
  const isDue = test !== undefined && (last || key.round % evaluation.everyRounds === 0);
  const local = localStart(plan);
  const measure = async (examples: ExampleSource) =>
    examples.count === 0
      ? undefined
      : meansOf(await session.evaluate({ parameters, examples, ...(local && { local }) }));
  const measured = isDue ? await measure(everyExample(test)) : undefined;
  const triggered =
    isDue && attack?.kind === 'backdoor'
      ? await measure(triggeredExamples(everyExample(test), attack))
      : undefined;
  const told = secure?.metrics ?? addedUp(counted);
  return {
    record: {
      round: key.round,
      updates,
      selected,
      lost: selected - updates,
      examples: told.weight / scenario.training.epochs,
      training: told.weight === 0 ? {} : meansOf(told),
      ...(measured && { test: measured }),
      ...(triggered && { backdoor: triggered.accuracy }),
      downloadBytes: bytesDownloaded,
      uploadBytes: bytesUploaded,
      virtualSeconds: Number((clock.monotonic() / 1000).toFixed(3)),
      // Of the cohort as it is drawn here: the coordinator, which sees no one else wait, claims no sampling.
      ...(privacy && { epsilon: epsilonAfter(prepared, key.round) }),
      exact: true,
    },
    state: { rounds: key.round, checkpoints: [{ version: key.round, parameters }], vectors: [] },
    participants: counted.map(({ deviceId }) => clientOf(deviceId)),
    clientMetric: undefined,
    last: last || reachedTarget(stop.target, measured ?? {}),
  };
}

const meansOf = ({ weight, sums }: MetricSums): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(sums).map(([name, sum]) => [name, sum / weight]));

function addedUp(contributions: readonly Contribution[]): MetricSums {
  const sums: Record<string, number> = {};
  let weight = 0;
  for (const { metrics } of contributions) {
    weight += metrics.weight;
    for (const [name, sum] of Object.entries(metrics.sums)) sums[name] = (sums[name] ?? 0) + sum;
  }
  return { weight, sums };
}

function everyExample(examples: SharedExamples): ClientExamples {
  return new ClientExamples(examples).select(
    Uint32Array.from({ length: examples.count }, (_, index) => index),
  );
}
