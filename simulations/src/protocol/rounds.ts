/**
 * The rounds of a scenario through the real coordinator and agents, in virtual time. Who takes part, where training starts
 * and how examples are shuffled is what fast mode draws, so that both give the same model: in the clear bit for bit, under
 * masks up to the steps that updates are rounded to, because each mode draws its own.
 */

import type { RunEvent } from '@starling/coordinator';
import type { LineOf } from '@starling/coordinator/definitions';
import { localStart, onnxruntimeTraining } from '@starling/engine';
import { createClient, OperationsService } from '@starling/proto';
import { ClientExamples, type SharedExamples } from '../data/examples.js';
import { fleetReader } from '../data/fleet.js';
import { synchronousSchedule } from '../devices/index.js';
import { deriveSeed, purposes } from '../seeds.js';
import type { PreparedScenario } from '../simulation/prepare.js';
import type { SimulatedRound } from '../simulation/simulation.js';
import { followLog } from '../world/follow-log.js';
import { makeTemplate } from '../world/template.js';
import { createWorld } from '../world/world.js';
import { createSharedSession, type SharedSession } from './shared-session.js';
import { taskOf } from './task.js';

const deviceOf = (client: number): string => `client-${client}`;
const clientOf = (device: string): number => Number(device.slice(device.indexOf('-') + 1));

export interface ProtocolOptions {
  readonly lineOf?: LineOf;
}

/** Ends with the stop rule. Throws a `SimulationError` that names what only fast mode does. */
export async function* protocolRounds(
  prepared: PreparedScenario,
  { lineOf = () => undefined }: ProtocolOptions = {},
): AsyncGenerator<SimulatedRound, void> {
  const { scenario, plan, cohort, clients, fleet, uploadBytes } = prepared;
  const task = taskOf(prepared, lineOf);
  const devices = Array.from({ length: clients }, (_, client) => deviceOf(client));
  const template = await makeTemplate({ devices, tasks: [task] });
  const session = createSharedSession(await onnxruntimeTraining.load(plan));
  const busy = new Set<Promise<unknown>>();
  let round = 0;
  const world = createWorld({
    seed: scenario.seed,
    template,
    busy,
    // Only to be counted: what trains reads the client's examples itself.
    examplesOf: (device) => fleetReader(fleet).training(clientOf(device), scenario.training.examplesMax),
    runtimeOf: (_process, device) => ({
      name: 'onnxruntime',
      async load() {
        const client = clientOf(device);
        return session.of(busy, {
          examples: () => fleetReader(fleet).training(client, scenario.training.examplesMax),
          seed: () => deriveSeed(scenario.seed, purposes.training, round, client),
        });
      },
    }),
  });
  const log = followLog(world);
  const committed: (RunEvent & { kind: 'round-committed' })[] = [];
  let ended: string | undefined;
  const onEvents = (_run: string, events: readonly RunEvent[]): void => {
    for (const event of events) {
      if (event.kind === 'round-committed') committed.push(event);
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
    const settings = {
      seed: scenario.seed,
      fleet: clients,
      cohort,
      devices: null,
      model: undefined,
      epochs: scenario.training.epochs,
      updateOf: () => ({ examples: 0, steps: 0, downloadBytes: 0, uploadBytes }),
    };
    let before: readonly string[] = [];
    for (const scheduled of synchronousSchedule(settings)) {
      round = scheduled.round;
      const present = scheduled.updates.map(({ client }) => deviceOf(client));
      for (const device of before) if (!present.includes(device)) world.leave(device);
      for (const device of present) world.startDevice(device);
      before = present;
      while (committed.length <= round && ended === undefined) {
        if (!(await world.step())) ended = 'nothing is left to happen';
        log.look(onEvents, gone);
      }
      const mishap = world.mishaps.at(0);
      if (mishap !== undefined) throw new Error(`${mishap.where} failed`, { cause: mishap.error });
      if (ended !== undefined) throw new Error(`the run ended before round ${round + 1}: ${ended}`);
      const event = committed[round];
      const made = await simulated(prepared, session, world, event, present.length);
      yield made;
      if (made.last) return;
    }
  } finally {
    world.end();
    await session.release();
  }
}

async function simulated(
  { scenario, test, plan }: PreparedScenario,
  session: SharedSession,
  { coordinator, clock }: ReturnType<typeof createWorld>,
  {
    checkpoint,
    key,
    updates,
    bytesUploaded,
    bytesDownloaded,
    secure,
  }: RunEvent & { kind: 'round-committed' },
  selected: number,
): Promise<SimulatedRound> {
  const { sha256 } = checkpoint;
  const inode = coordinator.disk.require(`/coordinator/artifacts/${sha256.slice(0, 2)}/${sha256}`);
  const parameters = new Float32Array(inode.content.slice().buffer);
  const { stop, evaluation } = scenario;
  const last = key.round >= stop.rounds;
  const isDue = test !== undefined && (last || key.round % evaluation.everyRounds === 0);
  const local = localStart(plan);
  const measured = isDue
    ? await session.evaluate({ parameters, examples: everyExample(test), ...(local && { local }) })
    : undefined;
  const means =
    measured &&
    Object.fromEntries(Object.entries(measured.sums).map(([name, sum]) => [name, sum / measured.weight]));
  const reached =
    stop.target !== null &&
    means !== undefined &&
    (stop.target.metric === 'accuracy'
      ? means.accuracy >= stop.target.value
      : means[stop.target.metric] <= stop.target.value);
  return {
    record: {
      round: key.round,
      updates,
      selected,
      lost: selected - updates,
      examples: secure?.metrics.weight ?? 0,
      training: {},
      ...(means && { test: means }),
      downloadBytes: bytesDownloaded,
      uploadBytes: bytesUploaded,
      virtualSeconds: Number((clock.monotonic() / 1000).toFixed(3)),
      exact: true,
    },
    state: { rounds: key.round, checkpoints: [{ version: key.round, parameters }], vectors: [] },
    participants: [],
    clientMetric: undefined,
    last: last || reached,
  };
}

function everyExample(examples: SharedExamples): ClientExamples {
  return new ClientExamples(examples).select(
    Uint32Array.from({ length: examples.count }, (_, index) => index),
  );
}
