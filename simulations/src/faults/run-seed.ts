/** One seed: its operations on a world, every rule looked at after each step, until everything came to rest. */
import { createHash } from 'node:crypto';
import type { RunEvent } from '@starling/coordinator';
import { followLog } from '../world/follow-log.js';
import { fairWeather } from '../world/network.js';
import type { OnServed } from '../world/serving.js';
import { createWorld, type Template, type World } from '../world/world.js';
import { allCheckers, type Checker, type RecordedTelemetry, type Violation } from './checkers/index.js';
import { deviceNames } from './fleet.js';
import { followReleases, type RecordedReleases } from './follow-releases.js';
import type { Operation } from './operation.js';
import { createPerformer, killMsMax } from './perform.js';
import { createRecovery } from './recover.js';

export interface SeedResult {
  readonly seed: number;
  /** The first rule that did not hold; `undefined` where all did. */
  readonly violation: Violation | undefined;
  readonly steps: number;
  readonly virtualMs: number;
  /** Rounds committed, runs that ended, and such: what a hunt covered. */
  readonly seen: Readonly<Record<string, number>>;
  /** SHA-256 of the coordinator's log: another one is another course of things. */
  readonly log: string;
}

/** Once faults are over, every run comes to its end within this virtual time. */
const restMsMax = 20 * 60_000;
const restLookMs = 500;
const stepsMax = 60_000;

export async function runSeed(
  seed: number,
  operations: readonly Operation[],
  template: Template,
): Promise<SeedResult> {
  const released: RecordedReleases = { signed: new Map(), served: [] };
  const has = (wanted: Operation['kind']): boolean => operations.some(({ kind }) => kind === wanted);
  const seen: Record<string, number> = {};
  const note = (what: string, times = 1): void => {
    seen[what] = (seen[what] ?? 0) + times;
  };
  const onServed: OnServed = (served) => {
    released.served.push(served);
    note('releases-served');
  };
  const world = createWorld({
    seed,
    template,
    telemetry: has('record'),
    ...(has('release') ? { releases: { onServed } } : {}),
  });
  const { clock, network } = world;
  const hostile = new Set<string>();
  const revoked = new Map<string, number>();
  const recorded: RecordedTelemetry = { durable: new Map() };
  const log = followLog(world);
  let violation: Violation | undefined;
  const reportAs =
    (checker: string) =>
    (message: string): void => {
      violation ??= { checker, atMs: Math.round(clock.monotonic()), message };
    };
  const recovery = createRecovery(world, operations, (device) => isRevoked(world, device));
  const checkers = allCheckers(operations, recorded, revoked, released, recovery.rule).map(
    (make): Checker => {
      const sight = { world, runs: log.runs, hostile, report: (message: string) => report(message) };
      let report: (message: string) => void = () => {};
      const checker = make(sight);
      report = reportAs(checker.name);
      return checker;
    },
  );
  const onEvents = (runId: string, events: readonly RunEvent[]): void => {
    for (const event of events) note(event.kind);
    for (const checker of checkers) checker.onEvents?.(runId, events);
  };
  const look = (): void => {
    if (!log.look(onEvents, reportAs('log'))) return;
    for (const checker of checkers) checker.onCommit?.();
  };
  network.observers.add({
    onRequest: (call, request) => {
      for (const checker of checkers) checker.onRequest?.(call, request);
    },
    onAnswer: (call, request, answer) => {
      // What was stored in this very step counts as stored.
      look();
      for (const checker of checkers) checker.onAnswer?.(call, request, answer);
    },
  });

  const releases = followReleases(
    world,
    operations,
    (device) => !hostile.has(device) && !isRevoked(world, device),
  );
  network.observers.add(releases);

  const perform = createPerformer({
    world,
    recorded,
    revoked,
    hostile,
    signed: released.signed,
    note,
    newestRun: () => newestRun(log.runs),
  });
  world.startCoordinator();
  for (const name of deviceNames) world.startDevice(name);
  for (const operation of operations) clock.schedule(operation.atMs, () => perform(operation));

  let isResting = false;
  let restedAtMs = 0;
  clock.schedule(endOfFaults(operations), () => {
    isResting = true;
    restedAtMs = clock.monotonic();
    endFaults(world, revoked);
    releases.begin();
    recovery.begin();
  });
  let lookAgainAtMs = 0;
  let steps = 0;
  const isOver = (): boolean => {
    if (!isResting || clock.monotonic() < lookAgainAtMs) return false;
    lookAgainAtMs = clock.monotonic() + restLookMs;
    return (
      world.coordinatorProcess() !== undefined &&
      !recovery.isDue() &&
      [...log.runs.values()].every((events) => hasEnded(events.map(({ event }) => event))) &&
      isTelemetryDelivered(world, recorded) &&
      releases.unsettled().length === 0
    );
  };
  while (violation === undefined && !isOver()) {
    if (!(await world.step())) break;
    steps += 1;
    look();
    for (const checker of checkers) checker.onStep?.();
    if (isResting && clock.monotonic() > restedAtMs + restMsMax) {
      reportAs('rest')(whatGoesOn(log.runs, world, recorded, releases.unsettled()));
    }
    if (steps > stepsMax) reportAs('rest')(`more than ${stepsMax} steps: something goes round in circles`);
  }
  if (violation === undefined) for (const checker of checkers) checker.atEnd?.();
  world.end();
  return { seed, violation, steps, virtualMs: Math.round(clock.monotonic()), seen, log: digestOf(log.runs) };
}

/** When the last operation and what it began are over. */
function endOfFaults(operations: readonly Operation[]): number {
  const ends = operations.map((operation) => {
    const lasts = 'ms' in operation ? operation.ms : 'downMs' in operation ? operation.downMs + killMsMax : 0;
    return operation.atMs + lasts;
  });
  return Math.max(0, ...ends) + 2_000;
}

function digestOf(runs: ReturnType<typeof followLog>['runs']): string {
  return createHash('sha256')
    .update(JSON.stringify([...runs]))
    .digest('hex');
}

function endFaults(world: World, revoked: ReadonlyMap<string, number>): void {
  const { network } = world;
  network.weather = fairWeather;
  network.tampers.clear();
  network.answerTampers.clear();
  for (const machine of [...network.parted]) network.heal(machine);
  world.coordinator.disk.isFull = false;
  for (const { disk } of world.devices.values()) disk.isFull = false;
  world.startCoordinator();
  for (const name of deviceNames) if (!revoked.has(name)) world.startDevice(name);
}

function hasEnded(events: readonly RunEvent[]): boolean {
  const last = events.findLast(({ kind }) => kind === 'run-ended' || kind === 'run-resumed');
  return last?.kind === 'run-ended';
}

function newestRun(runs: ReturnType<typeof followLog>['runs']) {
  const newest = [...runs].at(-1);
  const first = newest?.[1].at(0)?.event;
  if (newest === undefined || first?.kind !== 'run-started') return undefined;
  const resumed = newest[1].findLast(({ event }) => event.kind === 'run-resumed')?.event;
  const roundsTarget = resumed?.kind === 'run-resumed' ? resumed.rounds : first.settings.rounds;
  return { runId: newest[0], roundsTarget };
}

/** Devices that are revoked keep what they have. */
function isTelemetryDelivered(world: World, { durable }: RecordedTelemetry): boolean {
  return [...durable.keys()].every((device) => {
    if (isRevoked(world, device)) {
      durable.delete(device);
      return true;
    }
    return world.life(device)?.waiting() === 0;
  });
}

/** As the coordinator knows it: the operator may not have heard that it was done. */
function isRevoked({ coordinator }: World, device: string): boolean {
  const database = coordinator.disk.databases.get('/coordinator/coordinator.db')?.open;
  const ask = 'SELECT state FROM identities WHERE device_id = ?';
  return database?.prepare<[string], string>(ask).pluck().get(device) === 'revoked';
}

function whatGoesOn(
  runs: ReturnType<typeof followLog>['runs'],
  world: World,
  recorded: RecordedTelemetry,
  unsettled: readonly string[],
): string {
  const running = [...runs].filter(([, events]) => !hasEnded(events.map(({ event }) => event)));
  const what = running.map(([runId, events]) => `run ${runId} is at ${JSON.stringify(events.at(-1)?.event)}`);
  if (world.coordinatorProcess() === undefined) what.push('the coordinator is down');
  if (!isTelemetryDelivered(world, recorded)) what.push('telemetry still waits on devices');
  what.push(...unsettled);
  return `${restMsMax / 60_000} minutes after the last fault: ${what.join('; ')}`;
}
