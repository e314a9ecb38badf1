/** Which release each device should run: rollouts, moved on by what devices report. */
import { CoordinatorError, refusal } from '../errors.js';
import type { DeviceId } from '../ids.js';
import { createSerialQueue } from '../serial-queue.js';
import { type Census, createCensus, type DeviceLabels, followMs } from './census.js';
import type { ReleaseRepository } from './repository.js';
import {
  isOver,
  type Rollout,
  type RolloutEvent,
  type RolloutStage,
  type RolloutTally,
  stepRollout,
  wantedVersion,
} from './rollout.js';
import type { DeviceRelease, ReleaseStore, ReportedRelease } from './store.js';

export interface WantedRelease {
  readonly name: string;
  /** 0 for nothing. */
  readonly version: number;
}

export interface RolloutSettings {
  readonly name: string;
  readonly version: number;
  readonly stages: readonly RolloutStage[];
  readonly provenPercent: number;
  readonly failuresMax: number;
}

export interface FleetReleases {
  /** Stores what a device says, moves rollouts on, and gives what it should run. */
  report(deviceId: DeviceId, running: readonly ReportedRelease[]): Promise<readonly WantedRelease[]>;
  /** Throws RELEASE_UNKNOWN, ROLLOUT_INVALID, ROLLOUT_GOES_ON. */
  start(settings: RolloutSettings): Promise<Rollout>;
  /** Throws ROLLOUT_UNKNOWN, ROLLOUT_OVER. */
  control(name: string, action: 'pause' | 'resume' | 'abort'): Promise<Rollout>;
  rollouts(): Promise<readonly { readonly rollout: Rollout; readonly tally: RolloutTally }[]>;
  devices(): Promise<readonly DeviceRelease[]>;
}

/** Who belongs to the fleet: devices that enrolled and are not revoked, with their labels. */
export interface FleetDevices {
  all(): Promise<ReadonlyMap<DeviceId, DeviceLabels>>;
  /** Undefined where the device does not belong to it. */
  labelsOf(deviceId: DeviceId): Promise<DeviceLabels | undefined>;
}

/** Revocations and labels of devices that do not report are seen after this long, or when an operator looks. */
const readAnewMs = 60_000;

export function createFleetReleases(
  store: ReleaseStore,
  repository: Pick<ReleaseRepository, 'targets'>,
  now: () => number,
  devices: FleetDevices,
): FleetReleases {
  let census: Census | undefined;
  let readAtMs = 0;
  /** One after the other: what is counted and what is stored are the same. */
  const turns = createSerialQueue();

  const read = async (): Promise<Census> => {
    readAtMs = now();
    const newest = new Map<string, Rollout>();
    // Only the newest rollout of a release speaks for it.
    for (const rollout of await store.rollouts()) {
      if (!newest.has(rollout.name)) newest.set(rollout.name, rollout);
    }
    const rollouts = [...newest.values()];
    const reports: DeviceRelease[] = [];
    for (const rollout of rollouts.filter((one) => !isOver(one))) {
      reports.push(...(await store.reports(rollout.name, rollout.version)));
    }
    const [followers, labels] = [await store.followers(readAtMs - followMs), await devices.all()];
    return createCensus({ rollouts, followers, labels, reports });
  };

  const current = async (): Promise<Census> => {
    if (census === undefined || now() - readAtMs >= readAnewMs) census = await read();
    return census;
  };

  const tallyOf = async (
    rollout: Rollout,
    trusted: ReadonlyMap<DeviceId, DeviceLabels>,
  ): Promise<RolloutTally> => {
    const reports = await store.reports(rollout.name, rollout.version);
    const followers = await store.followers(now() - followMs);
    const one = createCensus({ rollouts: [rollout], followers, labels: trusted, reports });
    return one.tally(rollout.name, now()) ?? { fleet: 0, reached: 0, proven: 0, failed: 0 };
  };

  const step = async (rollout: Rollout, event: RolloutEvent): Promise<Rollout> => {
    const next = stepRollout(rollout, event);
    if (next !== rollout) {
      await store.putRollout(next);
      census?.put(next);
    }
    return next;
  };

  return {
    report: (deviceId, running) =>
      turns.run(async () => {
        const counted = await current();
        const reportedAtMs = now();
        await store.report(deviceId, reportedAtMs, running);
        const labels = await devices.labelsOf(deviceId);
        if (labels !== undefined) counted.heard(deviceId, labels, reportedAtMs, running);
        const wanted: WantedRelease[] = [];
        for (const rollout of counted.rollouts) {
          const tally = isOver(rollout) ? undefined : counted.tally(rollout.name, reportedAtMs);
          const moved = tally === undefined ? rollout : await step(rollout, { kind: 'tallied', tally });
          wanted.push({ name: rollout.name, version: wantedVersion(moved, deviceId, labels) });
        }
        return wanted;
      }),

    start: (settings) =>
      turns.run(async () => {
        const { name, version, stages } = settings;
        checkSettings(settings);
        const path = `${name}/${version}/release.json`;
        if (!(await repository.targets()).some((target) => target.path === path)) {
          throw failed(
            'RELEASE_UNKNOWN',
            `Version ${version} of ${name} is not released.`,
            'Publish it: starling release publish.',
          );
        }
        census = await read();
        const before = census.rollout(name);
        if (before !== undefined && !isOver(before)) {
          throw failed(
            'ROLLOUT_GOES_ON',
            `The rollout of version ${before.version} of ${name} is ${before.state}.`,
            `Wait for its end, or end it: starling rollout abort ${name}.`,
          );
        }
        const versionBefore =
          before === undefined ? 0 : before.state === 'completed' ? before.version : before.versionBefore;
        const rollout: Rollout = {
          ...settings,
          stages: [...stages],
          versionBefore,
          state: 'running',
          stage: 0,
          reason: '',
          startedAtMs: now(),
        };
        await store.putRollout(rollout);
        census.put(rollout);
        return rollout;
      }),

    control: (name, action) =>
      turns.run(async () => {
        const rollout = (await current()).rollout(name);
        if (rollout === undefined) {
          throw failed(
            'ROLLOUT_UNKNOWN',
            `There is no rollout of ${name}.`,
            'Start one: starling rollout start.',
          );
        }
        if (isOver(rollout)) {
          throw failed(
            'ROLLOUT_OVER',
            `The rollout of version ${rollout.version} of ${name} is ${rollout.state}.`,
            'Start another.',
          );
        }
        return step(rollout, { kind: action });
      }),

    async rollouts() {
      const trusted = await devices.all();
      return Promise.all(
        (await store.rollouts()).map(async (rollout) => ({
          rollout,
          tally: await tallyOf(rollout, trusted),
        })),
      );
    },
    devices: () => store.reports(),
  };
}

function describeStage(stage: RolloutStage): string {
  return typeof stage === 'number' ? String(stage) : `${stage.key}=${stage.value}`;
}

function checkSettings({ stages, provenPercent, failuresMax }: RolloutSettings): void {
  const percents = stages.filter((stage) => typeof stage === 'number');
  const rising = percents.every((percent, index) => percent > (percents[index - 1] ?? 0) && percent <= 100);
  if (!rising || stages.at(-1) !== 100) {
    throw failed(
      'ROLLOUT_INVALID',
      `The stages ${stages.map(describeStage).join(', ')} do not rise to 100.`,
      'Write percentages and labels such as site=hall-1,25,100.',
    );
  }
  if (!(provenPercent >= 1 && provenPercent <= 100)) {
    throw failed('ROLLOUT_INVALID', `${provenPercent} is no percentage of devices.`, 'Write 1 to 100.');
  }
  if (!Number.isSafeInteger(failuresMax) || failuresMax < 0) {
    throw failed('ROLLOUT_INVALID', `${failuresMax} is no number of devices.`, 'Write a whole number.');
  }
}

function failed(code: string, message: string, remedy: string): CoordinatorError {
  return new CoordinatorError(refusal('failed-precondition', code, message, remedy));
}
