/** The hall while it runs: how it opens part by part, and what every part of its story asks of it. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Remote, readCredentials, withCredentials } from '@starling/coordinator';
import type { Terminal } from '../commands/terminal.js';
import { type CoordinatorControl, startCoordinator } from './coordinator-control.js';
import { examplesCsv, topicsOf } from './definitions.js';
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
import type { HallOptions } from './options.js';
import { type GatewayPanel, openPanels, type Panels } from './panels.js';
import { heldOutWindows, makeMotors } from './plant.js';
import { type SensorBroker, type Sensors, startSensorBroker, startSensors } from './sensor-network.js';

/** Everything that is open; closed in the reverse order, whatever happens. */
export interface Hall {
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

/** Closes one part of the hall. */
export type End = () => Promise<unknown> | undefined;

const heldOutOfEach = 60;

/** @param ends takes how to close each part as soon as it is open, so that a failure halfway leaves nothing */
export async function openHall(
  options: HallOptions,
  terminal: Terminal,
  folder: string,
  ends: End[],
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
  // What is published before the first subscription is for nobody: a broker keeps it for sessions that it knows.
  await until(
    'the subscriptions of every gateway',
    async () => {
      checkAlive(gateways);
      const wanted = names.flatMap((name) => {
        const { samples, labels } = topicsOf(name, '+');
        return [samples, labels];
      });
      return wanted.every((topic) => broker.subscribed.has(topic)) ? true : undefined;
    },
    terminal,
    60_000,
  );
  const motors = makeMotors(names.length, options.motors, options.seed, 0.25 * secondsOf(options).record);
  const sensors = await startSensors(broker.url, new Map(names.map((name, at) => [name, motors[at]])), clock);
  let stopped = false;
  const stop = async (): Promise<void> => {
    if (stopped) return;
    stopped = true;
    await sensors.stop();
  };
  ends.push(stop);
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

/** How the time is shared; training takes what it takes. */
export function secondsOf({ minutes }: HallOptions): {
  readonly record: number;
  readonly ask: number;
  readonly outage: number;
} {
  return { record: 12 * minutes, ask: 5 * minutes, outage: Math.min(60, 4 * minutes) };
}

export function phase({ story, panels }: Hall, text: string): void {
  story.phase = text;
  panels.tell(text);
}

export const statuses = ({ gateways, terminal }: Hall): Promise<readonly GatewayStatus[]> =>
  Promise.all(gateways.map((gateway) => gatewayStatus(gateway, terminal.signal)));

export const ownerKeyOf = (folder: string): string => join(folder, 'owner.key');

export const clientArguments = ({ address, folder }: CoordinatorControl): readonly string[] => [
  ...['--coordinator', address, '--data', folder],
];

export async function withRemote<T>(
  { address, folder }: CoordinatorControl,
  terminal: Terminal,
  work: (remote: Remote) => Promise<T>,
): Promise<T> {
  const credentials = await readCredentials({ data: folder }, { ...terminal, env: {} });
  return withCredentials(address, credentials, work);
}

export function sum<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
