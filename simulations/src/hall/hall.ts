/**
 * `starling-sim hall`: a machine hall on this machine. Its motors are simulated (`vibration.ts`); everything else is what
 * a plant would run: a broker for the sensors, a coordinator, and gateways that are `starling-agent` processes.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { type Remote, readCredentials, withCredentials } from '@starling/coordinator';
import { delay } from '@starling/federation';
import type { Rollout } from '@starling/proto';
import { printLine, type Terminal } from '../commands/terminal.js';
import { SimulationError } from '../errors.js';
import { runCommand } from './commands.js';
import { type CoordinatorControl, startCoordinator } from './coordinator-control.js';
import { examplesCsv, hallTask, modelName, taskName } from './definitions.js';
import {
  checkAlive,
  type Gateway,
  type GatewayStatus,
  gatewayStatus,
  makeGateway,
  startGateway,
  stopGateways,
  until,
} from './gateways.js';
import { checkHallOptions, type HallOptions } from './options.js';
import { type GatewayPanel, openPanels, type Panels } from './panels.js';
import { heldOutWindows, makeMotors } from './plant.js';
import { type HallResult, hallTable } from './report.js';
import { type SensorBroker, type Sensors, startSensorBroker, startSensors } from './sensor-network.js';
import { worthlessModel } from './worthless-model.js';

/** Everything that is open; closed in the reverse order, whatever happens. */
interface Hall {
  readonly options: HallOptions;
  readonly terminal: Terminal;
  readonly folder: string;
  readonly broker: SensorBroker;
  readonly coordinator: CoordinatorControl;
  readonly gateways: Gateway[];
  readonly sensors: Sensors;
  readonly panels: Panels;
  readonly story: { phase: string; training: string };
  readonly shown: Map<string, { -readonly [Key in keyof GatewayPanel]: GatewayPanel[Key] }>;
}

/** Whatever happens, its processes are gone and its temporary folder is removed afterwards. */
export async function runHall(options: HallOptions, terminal: Terminal): Promise<HallResult> {
  checkHallOptions(options);
  const { clock, signal } = terminal;
  const startMs = clock.monotonic();
  const folder = await makeFolder(options.folder);
  const ends: (() => Promise<unknown> | undefined)[] = [];
  if (options.folder === undefined) ends.push(() => rm(folder, { recursive: true, force: true }));
  try {
    const hall = await openHall(options, terminal, folder, ends);
    const { sensors, panels } = hall;
    const names = hall.gateways.map(({ name }) => name);

    phase(hall, 'recording: sensors publish, gateways make windows, labels come late');
    await delay(clock, secondsOf(options).record * 1000, signal);
    checkAlive(hall.gateways);
    await until(
      'labelled examples at every gateway',
      async () =>
        (await statuses(hall)).every((found) => sum(found.examples, (task) => task.labelled) > 0)
          ? true
          : undefined,
      terminal,
      30_000,
    );

    const trained = await train(hall);
    const int8 = await quantize(hall, trained.runId);
    await deliver(hall, int8.path);

    phase(hall, 'inference: motors ask their gateway’s model over MQTT');
    sensors.ask(true);
    await delay(clock, secondsOf(options).ask * 1000, signal);
    const outage = await outageOf(hall);
    const worthless = await badRelease(hall);

    phase(hall, 'closing: what waited is delivered, and everything is counted');
    sensors.ask(false);
    await delivered(hall, outage.writtenAtReturn);
    await sensors.stop();
    const counted = await count(hall);
    panels.close();
    const { counts } = sensors;
    const result: HallResult = {
      gateways: names.length,
      motors: sensors.views.length,
      seconds: Math.round(clock.monotonic() - startMs) / 1000,
      seed: options.seed,
      ...counted,
      training: { rounds: options.rounds, secureAggregation: true, accuracy: trained.accuracy },
      int8: int8.report,
      inference: {
        questions: counts.questions,
        answers: counts.answers,
        rightShare: counts.answers === 0 ? 0 : counts.right / counts.answers,
      },
      outage: outage.told,
      badRelease: worthless,
      nothingLost:
        counted.telemetry.held + counted.telemetry.waiting === counted.telemetry.written &&
        counted.examples.windowsStored === counted.examples.windowsPublished &&
        counted.examples.rowsQuarantined === counted.examples.brokenRowsPublished &&
        counts.answers === counts.questions,
      folder: options.folder === undefined ? null : folder,
    };
    printLine(terminal, options.json ? JSON.stringify(result) : hallTable(result));
    return result;
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** How the time is shared; training takes what it takes. */
function secondsOf({ minutes }: HallOptions): {
  readonly record: number;
  readonly ask: number;
  readonly outage: number;
} {
  return { record: 12 * minutes, ask: 5 * minutes, outage: Math.min(60, 4 * minutes) };
}

async function openHall(
  options: HallOptions,
  terminal: Terminal,
  folder: string,
  ends: (() => Promise<unknown> | undefined)[],
): Promise<Hall> {
  const { clock, signal } = terminal;
  const names = Array.from({ length: options.gateways }, (_, index) => `gateway-${index + 1}`);
  const broker = await startSensorBroker();
  ends.push(broker.close);
  const coordinator = await startCoordinator(folder, terminal);
  ends.push(coordinator.stop);
  const heldOut = heldOutWindows(heldOutOfEach, options.seed);
  await mkdir(join(folder, 'held-out'));
  await writeFile(join(folder, 'held-out', 'examples.csv'), examplesCsv(heldOut));

  const token = await withRemote(coordinator, terminal, async ({ fleet }) => {
    const settings = { group: 'hall', deviceId: '', lifetimeMs: 600_000, usesMax: names.length };
    return (await fleet.createToken(settings, { signal })).text;
  });
  const gateways: Gateway[] = [];
  ends.push(() => stopGateways(gateways, clock));
  for (const name of names) {
    const own = join(folder, name);
    await makeGateway({ name, coordinator: coordinator.address, sensorBroker: broker.url }, own);
    gateways.push(startGateway(name, own, token));
  }
  await until(
    'the enrolment of every gateway',
    async () => {
      checkAlive(gateways);
      const { devicesSeen } = await withRemote(coordinator, terminal, ({ operations }) =>
        operations.getStatus({}, { signal }),
      );
      return devicesSeen >= names.length ? true : undefined;
    },
    terminal,
    60_000,
  );
  const motors = makeMotors(names.length, options.motors, options.seed, 0.25 * secondsOf(options).record);
  const sensors = await startSensors(broker.url, new Map(names.map((name, at) => [name, motors[at]])), clock);
  let stopped = false;
  ends.push(async () => {
    if (!stopped) await sensors.stop();
  });
  const story = { phase: '', training: 'not yet' };
  const shown = new Map(
    names.map((name) => [name, { name, state: 'records', serves: 'nothing yet', telemetry: 0 }]),
  );
  const panels = openPanels(terminal, () => ({
    ...story,
    gateways: [...shown.values()],
    motors: sensors.views,
    counts: sensors.counts,
  }));
  ends.push(async () => panels.close());
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await sensors.stop();
  };
  return {
    options,
    terminal,
    folder,
    broker,
    coordinator,
    gateways,
    sensors: { ...sensors, stop },
    panels,
    story,
    shown,
  };
}

const heldOutOfEach = 60;

async function train(hall: Hall): Promise<{ readonly runId: string; readonly accuracy: number }> {
  const { options, terminal, folder, coordinator, story, shown, panels } = hall;
  const { signal } = terminal;
  const { gateways, rounds, seed } = options;
  phase(hall, 'training: the gateways learn one model, each from its own motors');
  const task = hallTask({ gateways, rounds, heldOut: join(folder, 'held-out') });
  await writeFile(join(folder, 'task.json'), JSON.stringify(task, undefined, 2));
  const key = ownerKeyOf(folder);
  await runCommand('starling', ['key', 'create', '--out', key], signal);
  await runCommand(
    'starling',
    ['task', 'apply', join(folder, 'task.json'), '--key', key, ...clientArguments(coordinator)],
    signal,
  );
  return withRemote(coordinator, terminal, async ({ operations }) => {
    const { run } = await operations.startRun({ taskName, seed }, { signal });
    if (run === undefined) throw new SimulationError('simulation/worker', 'The run did not start.');
    const { runId } = run;
    let accuracy = 0;
    let round = 0;
    for await (const { event } of operations.watchRun({ runId, afterSequence: 0 }, { signal })) {
      const kind = event?.kind;
      if (kind?.kind === 'roundCommitted') round += 1;
      if (kind?.kind === 'metricsMeasured') {
        const measured = kind.value.metrics.find(
          ({ name, source }) => name === 'accuracy' && source === 'central',
        );
        if (measured !== undefined) {
          accuracy = measured.value;
          panels.tell(`round ${round} of ${rounds}: ${percent(accuracy)} on motors that nobody trained on`);
        }
      }
      story.training = `${round} of ${rounds} rounds, ${percent(accuracy)} on unseen motors`;
      for (const panel of shown.values()) panel.state = 'records and trains';
      if (kind?.kind === 'runEnded' && kind.value.state !== 'completed') {
        throw new SimulationError('simulation/worker', `Training did not end well: ${kind.value.reason}.`);
      }
    }
    for (const panel of shown.values()) panel.state = 'records';
    return { runId, accuracy };
  });
}

interface Quantized {
  readonly path: string;
  readonly report: HallResult['int8'];
}

async function quantize(hall: Hall, runId: string): Promise<Quantized> {
  const { terminal, folder, coordinator, panels } = hall;
  phase(hall, 'quantization: ranges come from the gateways as sums of histograms');
  const path = join(folder, 'vibration.int8.onnx');
  const args = ['model', 'quantize', runId, '--federated', '--key', ownerKeyOf(folder)];
  const { before, after, sizeRatio } = await runCommand<{
    readonly before: { readonly quality: { readonly value: number } };
    readonly after: { readonly quality: { readonly value: number } };
    readonly sizeRatio: number;
  }>(
    'starling',
    [...args, '--examples', join(folder, 'held-out'), '-o', path, ...clientArguments(coordinator)],
    terminal.signal,
  );
  panels.tell(
    `int8: ${percent(after.quality.value)} against ${percent(before.quality.value)} in f32, ${sizeRatio.toFixed(1)} times smaller`,
  );
  return {
    path,
    report: { accuracyF32: before.quality.value, accuracyInt8: after.quality.value, timesSmaller: sizeRatio },
  };
}

/** Signs the model as a release, and brings it to the gateways in stages, each of which tries and watches it. */
async function release(hall: Hall, path: string, version: number): Promise<Rollout> {
  const { terminal, coordinator, folder, shown, panels } = hall;
  const { signal } = terminal;
  const own = clientArguments(coordinator);
  const key = ['--key', ownerKeyOf(folder)];
  if (version === 1) await runCommand('starling', ['release', 'init', ...key, ...own], signal);
  await runCommand(
    'starling',
    [
      ...['release', 'publish', path, '--name', modelName, '--release', `${version}`, '--task', taskName],
      ...['--accuracy', `${accuracyMin}`, '--watch-minutes', `${watchMinutes}`, ...key, ...own],
    ],
    signal,
  );
  await runCommand(
    'starling',
    ['rollout', 'start', modelName, `${version}`, '--stages', '34,100', ...own],
    signal,
  );
  let told = '';
  return until(
    `the end of the rollout of version ${version}`,
    async () => {
      checkAlive(hall.gateways);
      const state = await withRemote(coordinator, terminal, ({ releases }) =>
        releases.getReleaseState({}, { signal }),
      );
      for (const { deviceId, running } of state.devices) {
        const panel = shown.get(deviceId);
        if (panel !== undefined && running?.name === modelName && running.version > 0) {
          panel.serves = `${modelName} ${running.version} (int8)`;
        }
      }
      const rollout = state.rollouts.find((found) => found.name === modelName && found.version === version);
      if (rollout === undefined) return undefined;
      const { devicesReached, devicesProven, devicesFailed } = rollout;
      const now = `version ${version}: ${devicesReached} gateways reached, ${devicesProven} proven, ${devicesFailed} failed`;
      if (now !== told) panels.tell(now);
      told = now;
      return rollout.state === 'running' || rollout.state === 'paused' ? undefined : rollout;
    },
    terminal,
    120_000,
  );
}

/** Least share of its recent labelled windows that a release must tell right at a gateway. */
const accuracyMin = 0.5;
const watchMinutes = 0.03;

async function deliver(hall: Hall, path: string): Promise<void> {
  phase(hall, 'release: signed, rolled out in stages; each gateway tries it on its own windows first');
  const { state, reason } = await release(hall, path, 1);
  if (state !== 'completed') {
    throw new SimulationError('simulation/worker', `The rollout of the model ended as ${state}: ${reason}`);
  }
  await until(
    'the model at every gateway',
    async () => ((await gatewaysServing(hall, 1)) === hall.gateways.length ? true : undefined),
    hall.terminal,
    60_000,
  );
}

/** How many gateways reported that they run a version of the model. */
async function gatewaysServing({ coordinator, terminal, shown }: Hall, version: number): Promise<number> {
  const { devices } = await withRemote(coordinator, terminal, ({ releases }) =>
    releases.getReleaseState({}, { signal: terminal.signal }),
  );
  const serving = devices.filter(({ running }) => running?.name === modelName && running.version === version);
  for (const { deviceId } of serving) {
    const panel = shown.get(deviceId);
    if (panel !== undefined) panel.serves = `${modelName} ${version} (int8)`;
  }
  return serving.length;
}

/** A model of the same form whose weights were never trained: signed as any other, and worthless. */
async function badRelease(hall: Hall): Promise<HallResult['badRelease']> {
  const { folder, sensors } = hall;
  phase(hall, 'bad release: a worthless model is signed and rolled out');
  const path = join(folder, 'worthless.onnx');
  await writeFile(path, worthlessModel(hall.options.seed));
  const answersBefore = sensors.counts.answers;
  const rollout = await release(hall, path, 2);
  const serving = await gatewaysServing(hall, 1);
  hall.panels.tell(`the rollout is ${rollout.state}: ${rollout.reason}`);
  return {
    rollout: rollout.state,
    reason: rollout.reason,
    gatewaysFailed: rollout.devicesFailed,
    gatewaysOnOldModel: serving,
    answersMeanwhile: sensors.counts.answers - answersBefore,
  };
}

/** Kills the coordinator, and with it the broker of telemetry, and starts it again. */
async function outageOf(
  hall: Hall,
): Promise<{ readonly told: HallResult['outage']; readonly writtenAtReturn: readonly GatewayStatus[] }> {
  const { options, terminal, gateways, sensors, coordinator, panels, shown } = hall;
  const { clock, signal } = terminal;
  phase(hall, 'outage: the coordinator is killed (SIGKILL)');
  const answersBefore = sensors.counts.answers;
  const startMs = clock.monotonic();
  await coordinator.kill();
  for (const panel of shown.values()) panel.state = 'records and buffers';
  await delay(clock, secondsOf(options).outage * 1000, signal);
  checkAlive(gateways);
  const buffered = await statuses(hall);
  const recordsBuffered = sum(buffered, ({ telemetry }) => sum(telemetry, ({ waiting }) => waiting));
  const answersMeanwhile = sensors.counts.answers - answersBefore;
  await coordinator.start();
  const seconds = (clock.monotonic() - startMs) / 1000;
  for (const panel of shown.values()) panel.state = 'records';
  panels.tell(
    `back after ${seconds.toFixed(1)} s: ${recordsBuffered} telemetry records waited, ${answersMeanwhile} questions were answered meanwhile`,
  );
  return { told: { seconds, recordsBuffered, answersMeanwhile }, writtenAtReturn: buffered };
}

/** Until the coordinator holds what every gateway had written at a moment. What does not come is counted as lost. */
async function delivered(hall: Hall, written: readonly GatewayStatus[]): Promise<void> {
  const isDelivered = async (): Promise<true | undefined> => {
    const now = await statuses(hall);
    const missing = written.flatMap(({ telemetry }, at) =>
      telemetry.filter(
        ({ stream, written: wanted }) =>
          (now[at].telemetry.find((found) => found.stream === stream)?.delivered ?? 0) < wanted,
      ),
    );
    return missing.length === 0 ? true : undefined;
  };
  await tolerated(until('what waited', isDelivered, hall.terminal, 60_000));
}

/** What did not come in time is in the result, as a loss. */
async function tolerated(waiting: Promise<unknown>): Promise<void> {
  await waiting.catch((error: unknown) => {
    if (!(error instanceof SimulationError)) throw error;
  });
}

/** Waits until everything has arrived, stops the gateways, and compares what was sent with what is there. */
async function count(hall: Hall): Promise<Pick<HallResult, 'examples' | 'telemetry'>> {
  const { terminal, gateways, sensors, coordinator, shown } = hall;
  const { counts } = sensors;
  const examples = (found: readonly GatewayStatus[], key: 'stored' | 'labelled' | 'quarantined'): number =>
    sum(found, (status) => sum(status.examples, (task) => task[key]));
  await tolerated(
    until(
      'every window',
      async () => (examples(await statuses(hall), 'stored') >= counts.windows ? true : undefined),
      terminal,
      30_000,
    ),
  );
  await stopGateways(gateways, terminal.clock);
  const found = await statuses(hall);
  const { streams } = await withRemote(coordinator, terminal, ({ telemetry }) =>
    telemetry.listTelemetryStreams({ deviceId: '' }, { signal: terminal.signal }),
  );
  for (const [name, panel] of shown) {
    panel.state = 'stopped';
    const own = streams.filter(({ deviceId }) => deviceId === name);
    panel.telemetry = sum(own, ({ recordsHeld }) => recordsHeld);
  }
  const written = gateways.flatMap(({ name }, at) =>
    found[at].telemetry.map((stream) => ({
      ...stream,
      held: streams.find((held) => held.deviceId === name && held.stream === stream.stream),
    })),
  );
  return {
    examples: {
      windowsPublished: counts.windows,
      windowsStored: examples(found, 'stored'),
      labelled: examples(found, 'labelled'),
      brokenRowsPublished: counts.broken,
      rowsQuarantined: examples(found, 'quarantined'),
    },
    telemetry: {
      written: sum(written, (stream) => stream.written),
      held: sum(written, ({ held }) => held?.recordsHeld ?? 0),
      // Written while they stopped: they are sent at the next start.
      waiting: sum(written, (stream) =>
        Math.min(stream.waiting, stream.written - (stream.held?.nextSequence ?? 0)),
      ),
    },
  };
}

const statuses = ({ gateways, terminal }: Hall): Promise<readonly GatewayStatus[]> =>
  Promise.all(gateways.map((gateway) => gatewayStatus(gateway, terminal.signal)));

function phase({ story, panels }: Hall, text: string): void {
  story.phase = text;
  panels.tell(text);
}

async function makeFolder(named: string | undefined): Promise<string> {
  if (named === undefined) return mkdtemp(join(tmpdir(), 'starling-hall-'));
  const folder = resolve(named);
  await mkdir(folder, { recursive: true });
  return folder;
}

const ownerKeyOf = (folder: string): string => join(folder, 'owner.key');

const clientArguments = ({ address, folder }: CoordinatorControl): readonly string[] => [
  ...['--coordinator', address, '--data', folder],
];

async function withRemote<T>(
  { address, folder }: CoordinatorControl,
  terminal: Terminal,
  work: (remote: Remote) => Promise<T>,
): Promise<T> {
  const credentials = await readCredentials({ data: folder }, { ...terminal, env: {} });
  return withCredentials(address, credentials, work);
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
