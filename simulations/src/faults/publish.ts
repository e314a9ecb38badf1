/** Publishes releases as an operator with the owners' keys does, and remembers what was signed. */
import { createHash } from 'node:crypto';
import { readTargets, signTargets, type TargetContent } from '@starling/federation';
import {
  createClient,
  ReleaseOperationsService,
  type ServiceClient,
  type UploadArtifactRequest,
} from '@starling/proto';
import { modelOf, type ReleaseManner } from '../world/serving.js';
import { releaseSigners } from '../world/template.js';
import type { World } from '../world/world.js';

export const releaseName = 'pump';

export interface SignedRelease {
  readonly version: number;
  readonly manner: ReleaseManner;
  /** Of its model. */
  readonly sha256: string;
}

/** What the owners signed, by version: noted before anybody else can have it. */
export type SignedReleases = Map<number, SignedRelease>;

const dayMs = 86_400_000;
const health = { watchMs: 2_000, crashesMax: 1 };

export const sha256Of = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The files of a release, by their paths among the targets. */
export function filesOf(version: number, model: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const folder = `${releaseName}/${version}`;
  const path = `${folder}/model.onnx`;
  const description = { name: releaseName, version, model: { path, sha256: sha256Of(model) }, health };
  return new Map([
    [path, model],
    [`${folder}/release.json`, Buffer.from(JSON.stringify(description))],
  ]);
}

export function targetsOf(files: ReadonlyMap<string, Uint8Array>): ReadonlyMap<string, TargetContent> {
  return new Map(
    [...files].map(([path, bytes]) => [path, { sha256: sha256Of(bytes), sizeBytes: bytes.byteLength }]),
  );
}

export async function upload(
  client: ServiceClient<typeof ReleaseOperationsService>,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<void> {
  for (const content of files.values()) {
    const artifact = { sha256: Buffer.from(sha256Of(content), 'hex'), sizeBytes: content.byteLength };
    const parts: readonly UploadArtifactRequest[] = [
      { part: { kind: 'artifact', value: artifact } },
      { part: { kind: 'data', value: content } },
    ];
    await client.uploadArtifact(parts);
  }
}

/** Gives a function that signs the next version and begins its rollout; either may fail on its way. */
export function createPublisher(world: World, signed: SignedReleases) {
  const client = createClient(ReleaseOperationsService, world.operator());
  return async (manner: ReleaseManner): Promise<void> => {
    const version = signed.size + 1;
    const model = modelOf(version, manner);
    signed.set(version, { version, manner, sha256: sha256Of(model) });
    const files = filesOf(version, model);
    await upload(client, files);
    const { targets } = await client.getReleaseState({});
    const before = targets.byteLength === 0 ? undefined : readTargets(targets);
    const content = signTargets(
      {
        version: (before?.version ?? 0) + 1,
        // Clocks of the fleet may jump by a day, either way.
        expiresAtMs: world.clock.now() + 30 * dayMs,
        targets: new Map([...(before?.targets ?? []), ...targetsOf(files)]),
      },
      releaseSigners,
    );
    await client.publishReleaseFile({ role: 'targets', content });
    const rollout = { stages: [40, 100], provenPercent: 100, failuresMax: 1 };
    await client.startRollout({
      name: releaseName,
      version,
      ...rollout,
      stages: rollout.stages.map((percent) => ({ percent, labelKey: '', labelValue: '' })),
    });
  };
}
