/** `starling release publish`. */
import { deltaFile, makeDelta, readTargets, signTargets, type TargetContent } from '@starling/federation';
import {
  CHUNK_BYTES_MAX,
  type ReleaseOperationsService,
  type ServiceClient,
  type UploadArtifactRequest,
} from '@starling/proto';
import { type Remote, withCoordinator } from './connection.js';
import { UsageError } from './explain.js';
import {
  type ReleaseKeyArguments,
  sha256Of,
  signersOf,
  targetsLifeMs,
  writeForOthers,
} from './release-files.js';
import { type PackageArguments, readPackage } from './release-package.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';

export interface PublishArguments extends ReleaseKeyArguments, PackageArguments {
  readonly name: string;
  readonly release: number;
  /** By what devices judge it. */
  readonly health: ReleaseHealthChecks;
  /** Whether devices that have the version before are offered the difference to it, where that is smaller. */
  readonly delta: boolean;
  /** Where the targets are written for others to sign; they are published where this is absent. */
  readonly output: string | undefined;
}

/** What each device holds a release to, before and while it serves; what is null is not judged. */
export interface ReleaseHealthChecks {
  /** How long it is watched before it counts as proven. */
  readonly watchMs: number;
  /** Longest that 99 of 100 answers may take. */
  readonly latencyMsMax: number | null;
  /** Least share of recent labelled examples that it tells right. */
  readonly accuracyMin: number | null;
  /** Least share of recent rows on which it agrees with what serves. */
  readonly agreementMin: number | null;
  /** Share of requests that may fail in the watch, beyond the share that failed before. */
  readonly errorShareMax: number;
  /** How often the device's process may end unasked while it is tried or watched. */
  readonly crashesMax: number;
  /** Stability index of its scores, against its drift reference. */
  readonly scoreDriftMax: number | null;
}

/** Uploads a model and what belongs to it, and signs the targets that name them beside everything released before. */
export async function publishRelease(args: PublishArguments, terminal: Terminal): Promise<void> {
  const signers = await signersOf(args.key, terminal);
  const folder = `${args.name}/${args.release}`;
  await withCoordinator(args, terminal, async (remote) => {
    const { releases } = remote;
    const state = await releases.getReleaseState({}, { signal: terminal.signal });
    const before = state.targets.length === 0 ? undefined : readTargets(state.targets);
    const targets = new Map<string, TargetContent>(before?.targets);
    if (targets.has(`${folder}/release.json`)) {
      throw new UsageError(
        `Version ${args.release} of ${args.name} is released already.`,
        'Release the next version.',
      );
    }
    const { model, task, run, files } = await readPackage(args, signers, remote, terminal);
    const description = Buffer.from(
      `${JSON.stringify({
        name: args.name,
        version: args.release,
        createdAtMs: terminal.clock.now(),
        model: { path: `${folder}/model.onnx`, sha256: sha256Of(model), sizeBytes: model.byteLength },
        run,
        task,
        health: args.health,
      })}\n`,
    );
    const delta = args.delta ? await deltaOf(model, args, targets, remote, terminal.signal) : undefined;
    for (const [file, content] of [
      ...(delta === undefined ? [] : [delta]),
      ['model.onnx', model],
      ['release.json', description],
      ...files,
    ] as const) {
      await upload(releases, content, terminal.signal);
      targets.set(`${folder}/${file}`, { sha256: sha256Of(content), sizeBytes: content.byteLength });
    }
    const version = (before?.version ?? 0) + 1;
    const content = signTargets(
      { version, expiresAtMs: terminal.clock.now() + targetsLifeMs, targets },
      signers,
    );
    const told = {
      name: args.name,
      version: args.release,
      files: ['model.onnx', 'release.json', ...files.keys()].sort(),
      targetsVersion: version,
    };
    if (args.output !== undefined) return writeForOthers(args.output, content, told, args.json, terminal);
    await releases.publishReleaseFile({ role: 'targets', content }, { signal: terminal.signal });
    if (args.json) return printJson(terminal, told);
    printLine(terminal, `Version ${args.release} of ${args.name} is released.`);
    if (!files.has('contract.yaml')) {
      remark(
        terminal,
        'It has no feature contract, so no device checks that its sensors are those of the model.',
      );
    }
    remark(terminal, `No device runs it yet: starling rollout start ${args.name} ${args.release}`);
  });
}

/** The file of the difference to the newest version before this one, where it pays. */
async function deltaOf(
  model: Uint8Array,
  { name, release }: PublishArguments,
  targets: ReadonlyMap<string, TargetContent>,
  remote: Remote,
  signal: AbortSignal,
): Promise<readonly [file: string, content: Uint8Array] | undefined> {
  const versions = [...targets.keys()].flatMap((path) => {
    const [of, version, file] = path.split('/');
    return of === name && file === 'model.onnx' && Number(version) < release ? [Number(version)] : [];
  });
  const from = Math.max(0, ...versions);
  const before = targets.get(`${name}/${from}/model.onnx`);
  if (before === undefined) return undefined;
  const request = { sha256: Buffer.from(before.sha256, 'hex'), offsetBytes: 0 };
  const parts: Uint8Array[] = [];
  for await (const { data } of remote.artifacts.downloadArtifact(request, { signal })) parts.push(data);
  // Devices compare hashes: a delta from anything else is of no use, and does no harm.
  const delta = makeDelta(Buffer.concat(parts), model);
  return delta && [deltaFile(from), delta];
}

async function upload(
  releases: ServiceClient<typeof ReleaseOperationsService>,
  content: Uint8Array,
  signal: AbortSignal,
): Promise<void> {
  const artifact = { sha256: Buffer.from(sha256Of(content), 'hex'), sizeBytes: content.byteLength };
  function* parts(): Generator<UploadArtifactRequest> {
    yield { part: { kind: 'artifact', value: artifact } };
    for (let at = 0; at < content.byteLength; at += CHUNK_BYTES_MAX) {
      yield { part: { kind: 'data', value: content.subarray(at, at + CHUNK_BYTES_MAX) } };
    }
  }
  await releases.uploadArtifact(parts(), { signal });
}
