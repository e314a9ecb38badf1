/** What a seed knows of releases: what was signed, what served, and whether devices have come to rest with it. */
import { decodeMessage, ReportReleasesResponse } from '@starling/proto';
import type { Observer } from '../world/network.js';
import type { ServedRelease } from '../world/serving.js';
import type { World } from '../world/world.js';
import type { Operation } from './operation.js';
import { releaseName, type SignedReleases } from './publish.js';

export interface RecordedReleases {
  readonly signed: SignedReleases;
  /** In order. */
  readonly served: ServedRelease[];
}

export interface FollowedReleases extends Observer {
  /** From now on, devices come to run what they are told to. */
  begin(): void;
  /** Devices that have not, with what they wait for. */
  unsettled(): readonly string[];
}

const reports = '/starling.v1.ReleaseService/ReportReleases';

/** After these, a device may never learn what is signed, until somebody mends its clock or publishes a new root. */
const lasting = (operation: Operation): boolean =>
  operation.kind === 'clock-jump' || (operation.kind === 'attack-releases' && operation.how === 'stolen-key');

export function followReleases(
  world: World,
  operations: readonly Operation[],
  isServed: (device: string) => boolean,
): FollowedReleases {
  const isAsked = operations.some(({ kind }) => kind === 'release') && !operations.some(lasting);
  const wanted = new Map<string, number>();
  let hasBegun = false;
  return {
    onAnswer({ path, from }, _request, answer) {
      if (!hasBegun || path !== reports) return;
      const wish = decodeMessage(ReportReleasesResponse, answer).wanted.find(
        ({ name }) => name === releaseName,
      );
      wanted.set(from, wish?.version ?? 0);
    },
    begin() {
      hasBegun = true;
    },
    unsettled: () =>
      !isAsked
        ? []
        : runningRollouts(world).concat(
            [...world.devices.keys()].filter(isServed).flatMap((device) => {
              const state = world.life(device)?.releases();
              const version = wanted.get(device);
              if (state === undefined || version === undefined) return `${device} has not reported`;
              const model = state.models[releaseName];
              if (model === undefined)
                return version === 0 ? [] : `${device} knows nothing of version ${version}`;
              const { active, stage, failed } = model;
              const runs =
                (active?.version ?? 0) === version || failed.some((one) => one.version === version);
              return runs && stage.kind === 'resting'
                ? []
                : `${device} is ${stage.kind} with version ${active?.version ?? 0}, and version ${version} is wanted`;
            }),
          ),
  };
}

function runningRollouts({ coordinator }: World): string[] {
  const database = coordinator.disk.databases.get('/coordinator/coordinator.db')?.open;
  const bodies = database?.prepare<[], string>('SELECT body FROM rollouts').pluck().all() ?? [];
  return bodies.flatMap((body) => {
    const { version, state } = JSON.parse(body) as { readonly version: number; readonly state: string };
    return state === 'running' ? [`the rollout of version ${version} goes on`] : [];
  });
}
