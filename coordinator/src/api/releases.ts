import { createHash } from 'node:crypto';
import type { ReleaseRole } from '@starling/federation';
import {
  type Handlers,
  type ReleaseOperationsService,
  type ReleaseService,
  requireField,
  type UploadArtifactRequest,
  type Rollout as WireRollout,
  type RolloutStage as WireStage,
} from '@starling/proto';
import type { ArtifactStore } from '../artifacts/index.js';
import {
  type DeviceRelease,
  type FleetReleases,
  type ReleaseRepository,
  type Rollout,
  type RolloutStage,
  type RolloutTally,
  releaseNamePattern,
} from '../releases/index.js';
import { toWire } from './errors.js';
import { callingDevice, invalid, sha256Of } from './parse.js';

/** How often devices tell how their releases do. */
const reportAgainMs = 60_000;
const runningMax = 64;
const artifactBytesMax = 2 ** 31 - 1;

export interface ReleaseHandlersOptions {
  readonly repository: ReleaseRepository;
  readonly fleet: FleetReleases;
  readonly artifacts: ArtifactStore;
}

export function releaseHandlers({
  repository,
  fleet,
}: ReleaseHandlersOptions): Handlers<typeof ReleaseService> {
  return {
    getReleaseFile: ({ role, version }) =>
      toWire(async () => ({
        content: (await repository.file(roleOf(role), version)) ?? new Uint8Array(0),
      })),

    reportReleases: (request, context) =>
      toWire(async () => {
        const deviceId = callingDevice(request.deviceId, context);
        if (request.running.length > runningMax) {
          throw invalid(
            'RELEASES_INVALID',
            `The report names more than ${runningMax} releases.`,
            'Name those that run.',
          );
        }
        const running = request.running.map(({ name, version, health, reason }) => ({
          name: releaseNameOf(name),
          version,
          health: health === 'unspecified' ? ('trying' as const) : health,
          reason: reason.slice(0, 500),
        }));
        return { wanted: await fleet.report(deviceId, running), reportAgainMs };
      }),
  };
}

export function releaseOperationsHandlers({
  repository,
  fleet,
  artifacts,
}: ReleaseHandlersOptions): Handlers<typeof ReleaseOperationsService> {
  return {
    uploadArtifact: (requests) =>
      toWire(async () => {
        await artifacts.put('release', await receiveArtifact(requests));
        return {};
      }),

    publishReleaseFile: ({ role, content }) =>
      toWire(async () => ({ version: await repository.publish(roleOf(role), content) })),

    getReleaseState: () =>
      toWire(async () => ({
        onlineKey: repository.onlineKey,
        root: (await repository.file('root', 0)) ?? new Uint8Array(0),
        targets: (await repository.file('targets', 0)) ?? new Uint8Array(0),
        rollouts: (await fleet.rollouts()).map(({ rollout, tally }) => rolloutToWire(rollout, tally)),
        devices: (await fleet.devices()).map(deviceToWire),
      })),

    startRollout: ({ name, version, stages, provenPercent, failuresMax }) =>
      toWire(async () => {
        if (stages.length > stagesMax) {
          throw invalid(
            'ROLLOUT_INVALID',
            `${stages.length} stages are too many.`,
            `Use at most ${stagesMax}.`,
          );
        }
        const rollout = await fleet.start({
          name: releaseNameOf(name),
          version,
          stages: stages.map(stageOf),
          provenPercent,
          failuresMax,
        });
        return { rollout: rolloutToWire(rollout, nobody) };
      }),

    controlRollout: ({ name, action }) =>
      toWire(async () => {
        if (action === 'unspecified') {
          throw invalid('ROLLOUT_INVALID', 'It is not said what to do.', 'Say pause, resume or abort.');
        }
        const rollout = await fleet.control(releaseNameOf(name), action);
        const tallied = (await fleet.rollouts()).find(
          (one) => one.rollout.name === rollout.name && one.rollout.version === rollout.version,
        );
        return { rollout: rolloutToWire(rollout, tallied?.tally ?? nobody) };
      }),
  };
}

const nobody: RolloutTally = { fleet: 0, reached: 0, proven: 0, failed: 0 };

async function receiveArtifact(requests: AsyncIterable<UploadArtifactRequest>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let expected: { readonly sha256: string; readonly sizeBytes: number } | undefined;
  let received = 0;
  for await (const { part } of requests) {
    if (part?.kind === 'artifact') {
      const sha256 = sha256Of(part.value.sha256, 'UploadArtifactRequest.artifact.sha256');
      expected = { sha256, sizeBytes: part.value.sizeBytes };
      if (expected.sizeBytes > artifactBytesMax) {
        throw invalid(
          'ARTIFACT_INVALID',
          `${expected.sizeBytes} bytes are more than ${artifactBytesMax}.`,
          'Release less.',
        );
      }
    } else if (part?.kind === 'data') {
      received += part.value.byteLength;
      if (expected === undefined || received > expected.sizeBytes) break;
      parts.push(part.value);
    }
  }
  const { sha256, sizeBytes } = requireField(expected, 'UploadArtifactRequest.artifact');
  const content = Buffer.concat(parts);
  if (received !== sizeBytes || createHash('sha256').update(content).digest('hex') !== sha256) {
    throw invalid('ARTIFACT_INVALID', 'What came is not the content that was announced.', 'Upload it again.');
  }
  return content;
}

function roleOf(role: ReleaseRole | 'unspecified'): ReleaseRole {
  if (role !== 'unspecified') return role;
  throw invalid('RELEASES_INVALID', 'No role is named.', 'Name root, targets, snapshot or timestamp.');
}

function releaseNameOf(name: string): string {
  if (releaseNamePattern.test(name)) return name;
  throw invalid(
    'RELEASES_INVALID',
    `${JSON.stringify(name.slice(0, 80))} is no name of a release.`,
    'Use 1 to 64 of A-Z a-z 0-9 . _ -.',
  );
}

const stagesMax = 64;

function stageOf({ percent, labelKey, labelValue }: WireStage): RolloutStage {
  return labelKey === '' ? percent : { key: labelKey.slice(0, 64), value: labelValue.slice(0, 256) };
}

function rolloutToWire(
  { stages, versionBefore, stage, ...rollout }: Rollout,
  { reached, proven, failed }: RolloutTally,
): WireRollout {
  return {
    ...rollout,
    versionBefore,
    stage,
    stages: stages.map((stage) =>
      typeof stage === 'number'
        ? { percent: stage, labelKey: '', labelValue: '' }
        : { percent: 0, labelKey: stage.key, labelValue: stage.value },
    ),
    devicesReached: reached,
    devicesProven: proven,
    devicesFailed: failed,
  };
}

function deviceToWire({ deviceId, reportedAtMs, ...running }: DeviceRelease) {
  return { deviceId, running, reportedAtMs };
}
