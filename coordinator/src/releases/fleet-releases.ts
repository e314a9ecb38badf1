/** Which release each device should run: rollouts, moved on by what devices report. */
import { CoordinatorError, refusal } from '../errors.js';
import type { DeviceId } from '../ids.js';
import type { ReleaseRepository } from './repository.js';
import {
  isOver,
  isReached,
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

/** A device that was not heard of for a day does not hold a rollout up. */
const followMs = 24 * 3600 * 1000;

type DeviceLabels = Readonly<Record<string, string>>;

/** `trustedDevices` are those that enrolled and are not revoked, with their labels. */
export function createFleetReleases(
  store: ReleaseStore,
  repository: Pick<ReleaseRepository, 'targets'>,
  now: () => number,
  trustedDevices: () => Promise<ReadonlyMap<DeviceId, DeviceLabels>>,
): FleetReleases {
  const tallyOf = async (
    rollout: Rollout,
    trusted: ReadonlyMap<DeviceId, DeviceLabels>,
  ): Promise<RolloutTally> => {
    const fleet = (await store.followers(now() - followMs)).filter((deviceId) => trusted.has(deviceId));
    const reached = new Set(fleet.filter((deviceId) => isReached(rollout, deviceId, trusted.get(deviceId))));
    // What was said before is of an earlier rollout of the same version.
    const reports = (await store.reports(rollout.name, rollout.version)).filter(
      ({ reportedAtMs }) => reportedAtMs >= rollout.startedAtMs,
    );
    const proven = reports.filter(({ health, deviceId }) => health === 'proven' && reached.has(deviceId));
    const failures = reports.filter(({ health }) => health === 'failed');
    return {
      fleet: fleet.length,
      reached: reached.size,
      proven: proven.length,
      failed: failures.length,
    };
  };

  const step = async (rollout: Rollout, event: RolloutEvent): Promise<Rollout> => {
    const next = stepRollout(rollout, event);
    if (next !== rollout) await store.putRollout(next);
    return next;
  };

  const newestOf = async (name: string): Promise<Rollout | undefined> =>
    (await store.rollouts()).find((rollout) => rollout.name === name);

  return {
    async report(deviceId, running) {
      const reportedAtMs = now();
      await store.report(deviceId, reportedAtMs, running);
      const trusted = await trustedDevices();
      const seen = new Set<string>();
      const wanted: WantedRelease[] = [];
      for (const rollout of await store.rollouts()) {
        // Only the newest rollout of a release speaks for it.
        if (seen.has(rollout.name)) continue;
        seen.add(rollout.name);
        const moved = isOver(rollout)
          ? rollout
          : await step(rollout, { kind: 'tallied', tally: await tallyOf(rollout, trusted) });
        wanted.push({ name: rollout.name, version: wantedVersion(moved, deviceId, trusted.get(deviceId)) });
      }
      return wanted;
    },

    async start(settings) {
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
      const before = await newestOf(name);
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
      return rollout;
    },

    async control(name, action) {
      const rollout = await newestOf(name);
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
    },

    async rollouts() {
      const trusted = await trustedDevices();
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
