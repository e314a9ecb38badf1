import {
  deltaFile,
  makeDelta,
  readTargets,
  signRoot,
  signTargets,
  type TargetContent,
} from '@starling/federation';
import {
  CHUNK_BYTES_MAX,
  type ReleaseOperationsService,
  type ServiceClient,
  type UploadArtifactRequest,
} from '@starling/proto';
import { type ClientArguments, type Remote, withCoordinator } from './connection.js';
import { UsageError } from './explain.js';
import { formatTable, formatTime } from './format.js';
import {
  contentOf,
  publicKeyOf,
  type ReleaseKeyArguments,
  rootLifeMs,
  sha256Of,
  signersOf,
  targetsLifeMs,
  writeForOthers,
} from './release-files.js';
import { describeStage } from './rollout.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';

export interface InitArguments extends ReleaseKeyArguments {
  readonly threshold: number;
  /** Of people who sign elsewhere, base64url. */
  readonly publicKey: readonly string[];
  /** Where the root is written for others to sign; it is published where this is absent. */
  readonly output: string | undefined;
}

/** Makes the root that devices believe: its keys sign roots and targets, the coordinator's own snapshots and timestamps. */
export async function initReleases(args: InitArguments, terminal: Terminal): Promise<void> {
  const signers = await signersOf(args.key, terminal);
  const { threshold, output } = args;
  const keys = [...signers.map(({ publicKey }) => publicKey), ...args.publicKey.map(publicKeyOf)];
  if (threshold > keys.length) {
    throw new UsageError(
      `--threshold ${threshold} is more than the ${keys.length} keys that were given.`,
      'Give as many keys with --key and --public-key.',
    );
  }
  await withCoordinator(args, terminal, async ({ releases }) => {
    const { onlineKey, root } = await releases.getReleaseState({}, { signal: terminal.signal });
    if (root.length > 0) {
      throw new UsageError(
        'This coordinator has a root already.',
        'Publish with its keys: starling release publish. Other keys: starling release root.',
      );
    }
    const online = { keys: [onlineKey], threshold: 1 };
    const roles = {
      root: { keys, threshold },
      targets: { keys, threshold },
      snapshot: online,
      timestamp: online,
    };
    const expiresAtMs = terminal.clock.now() + rootLifeMs;
    const content = signRoot({ version: 1, expiresAtMs, roles }, signers);
    const sha256 = sha256Of(content);
    const told = { version: 1, threshold, keys: keys.length, sha256 };
    if (output !== undefined) return writeForOthers(output, content, told, args.json, terminal);
    await releases.publishReleaseFile({ role: 'root', content }, { signal: terminal.signal });
    if (args.json) return printJson(terminal, told);
    printLine(
      terminal,
      `Releases of this fleet are signed by ${threshold} of ${keys.length} keys; the root is ${sha256}.`,
    );
  });
}

export interface PublishArguments extends ReleaseKeyArguments {
  readonly model: string;
  readonly name: string;
  readonly release: number;
  /** The run that the model is from. */
  readonly run: string | undefined;
  /** The task whose recent examples devices try it on, where it is not called as the release. */
  readonly task: string | undefined;
  /** File of its drift reference. */
  readonly drift: string | undefined;
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
  const model = await contentOf(args.model, 'Name an ONNX file.');
  const drift = args.drift === undefined ? undefined : await contentOf(args.drift, driftRemedy);
  const signers = await signersOf(args.key, terminal);
  const folder = `${args.name}/${args.release}`;
  const description = Buffer.from(
    `${JSON.stringify({
      name: args.name,
      version: args.release,
      createdAtMs: terminal.clock.now(),
      model: { path: `${folder}/model.onnx`, sha256: sha256Of(model), sizeBytes: model.byteLength },
      run: args.run ?? null,
      task: args.task ?? null,
      health: args.health,
    })}\n`,
  );
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
    const delta = args.delta ? await deltaOf(model, args, targets, remote, terminal.signal) : undefined;
    for (const [file, content] of [
      ...(delta === undefined ? [] : [delta]),
      ['model.onnx', model],
      ['release.json', description],
      ...(drift === undefined ? [] : [['drift.json', drift] as const]),
    ] as const) {
      await upload(releases, content, terminal.signal);
      targets.set(`${folder}/${file}`, { sha256: sha256Of(content), sizeBytes: content.byteLength });
    }
    const version = (before?.version ?? 0) + 1;
    const content = signTargets(
      { version, expiresAtMs: terminal.clock.now() + targetsLifeMs, targets },
      signers,
    );
    const told = { name: args.name, version: args.release, targetsVersion: version };
    if (args.output !== undefined) return writeForOthers(args.output, content, told, args.json, terminal);
    await releases.publishReleaseFile({ role: 'targets', content }, { signal: terminal.signal });
    if (args.json) return printJson(terminal, told);
    printLine(terminal, `Version ${args.release} of ${args.name} is released.`);
    remark(terminal, `No device runs it yet: starling rollout start ${args.name} ${args.release}`);
  });
}

export async function showReleases(args: ClientArguments, terminal: Terminal): Promise<void> {
  await withCoordinator(args, terminal, async ({ releases }) => {
    const { targets, rollouts, devices } = await releases.getReleaseState({}, { signal: terminal.signal });
    const listed = targets.length === 0 ? [] : [...readTargets(targets).targets];
    if (args.json) {
      const files = listed.map(([path, content]) => ({ path, ...content }));
      return printJson(terminal, { files, rollouts, devices });
    }
    const models = listed.filter(([path]) => path.endsWith('/model.onnx'));
    printLine(
      terminal,
      formatTable(
        ['RELEASE', 'SIZE (bytes)', 'SHA-256'],
        models.map(([path, { sizeBytes, sha256 }]) => [
          path.slice(0, -'/model.onnx'.length).replace('/', ' '),
          String(sizeBytes),
          sha256.slice(0, 16),
        ]),
      ),
    );
    const rows = rollouts.map((rollout) => [
      `${rollout.name} ${rollout.version}`,
      rollout.state,
      describeStage(rollout.stages[rollout.stage]),
      `${rollout.devicesProven} of ${rollout.devicesReached}`,
      String(rollout.devicesFailed),
      formatTime(rollout.startedAtMs),
      rollout.reason,
    ]);
    printLine(terminal, '');
    printLine(
      terminal,
      formatTable(['ROLLOUT', 'STATE', 'STAGE', 'PROVEN', 'FAILED', 'STARTED (UTC)', 'WHY'], rows),
    );
    // Those that run as they should are counted above.
    const told = devices.filter(({ running }) => running !== undefined && running.health !== 'proven');
    if (told.length === 0) return;
    printLine(terminal, '');
    printLine(
      terminal,
      formatTable(
        ['DEVICE', 'RELEASE', 'STATE', 'TOLD (UTC)', 'WHY'],
        told
          .slice(0, devicesShown)
          .map(({ deviceId, running, reportedAtMs }) => [
            deviceId,
            `${running?.name} ${running?.version}`,
            running?.health ?? '',
            formatTime(reportedAtMs),
            running?.reason ?? '',
          ]),
      ),
    );
    if (told.length > devicesShown) remark(terminal, `${told.length - devicesShown} more are in --json.`);
  });
}

/** Devices on a person's screen. */
const devicesShown = 40;

const driftRemedy = 'Name what "starling-agent drift reference" printed.';

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
