/** `starling release create`. */
import { resolve } from 'node:path';
import {
  deltaFile,
  makeDelta,
  type RootContent,
  readRoot,
  readTargets,
  signaturesOf,
  signTargets,
  type TargetContent,
} from '@starling/federation';
import { type Remote, withCoordinator } from './connection.js';
import { UsageError } from './explain.js';
import { checkOutput } from './output-file.js';
import { noRoot, type ReleaseKeyArguments, sha256Of, signersOf, targetsLifeMs } from './release-files.js';
import { type PackageArguments, readPackage } from './release-package.js';
import { releaseIn, type SignedFile, writeSignedFile } from './signed-file.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';

/** All that describes a release. */
export interface DescriptionArguments extends ReleaseKeyArguments, PackageArguments {
  readonly name: string;
  readonly release: number;
  /** By what devices judge it. */
  readonly health: ReleaseHealthChecks;
  /** Whether devices that have the version before are offered the difference to it, where that is smaller. */
  readonly delta: boolean;
}

export interface CreateArguments extends DescriptionArguments {
  /** The file to write, for others to sign and for `release publish`. */
  readonly output: string;
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

/** Writes a release and its signed metadata into one file; the coordinator is asked what was released before, and told nothing. */
export async function createRelease(args: CreateArguments, terminal: Terminal): Promise<void> {
  const { output } = args;
  await checkOutput(resolve(output));
  await withCoordinator(args, terminal, async (remote) => {
    const { file, root } = await makeRelease(args, remote, terminal);
    await writeSignedFile(output, file);
    const signatures = signaturesOf('targets', file.content, root);
    const { threshold } = root.roles.targets;
    const told = describeRelease(file);
    if (args.json) return printJson(terminal, { ...told, output, signatures, threshold });
    printLine(
      terminal,
      `${output} holds version ${told.version} of ${told.name}, signed by ${signatures} of the ${threshold} keys that are needed.`,
    );
    remarkContract(told.files, terminal);
    remark(
      terminal,
      signatures < threshold
        ? `Let others sign it: starling release sign ${output} --key THEIRS`
        : `Publish it: starling release publish ${output}`,
    );
  });
}

/** A release as it is signed: the targets name it beside everything that was released before. */
export async function makeRelease(
  args: DescriptionArguments,
  remote: Remote,
  terminal: Terminal,
): Promise<{ readonly file: SignedFile; readonly root: RootContent }> {
  const signers = await signersOf(args.key, terminal);
  const folder = `${args.name}/${args.release}`;
  const state = await remote.releases.getReleaseState({}, { signal: terminal.signal });
  if (state.root.length === 0) throw noRoot();
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
  const contents = new Map<string, Uint8Array>();
  for (const [file, content] of [
    ...(delta === undefined ? [] : [delta]),
    ['model.onnx', model],
    ['release.json', description],
    ...files,
  ] as const) {
    contents.set(`${folder}/${file}`, content);
    targets.set(`${folder}/${file}`, { sha256: sha256Of(content), sizeBytes: content.byteLength });
  }
  const version = (before?.version ?? 0) + 1;
  const expiresAtMs = terminal.clock.now() + targetsLifeMs;
  const content = signTargets({ version, expiresAtMs, targets }, signers);
  return { file: { role: 'targets', content, contents }, root: readRoot(state.root) };
}

export interface ReleaseDescription {
  readonly name: string;
  readonly version: number;
  /** What it is made of, ascending; a difference to another version is none of it. */
  readonly files: readonly string[];
  readonly targetsVersion: number;
}

/** What a program is told of a release; throws RangeError where the file holds none. */
export function describeRelease(file: SignedFile): ReleaseDescription {
  const release = releaseIn(file);
  if (release === undefined) throw new RangeError('The file holds no release.');
  const files = [...file.contents.keys()].map((path) => path.slice(path.lastIndexOf('/') + 1));
  return {
    ...release,
    files: files.filter((name) => !name.endsWith('.delta')).sort(),
    targetsVersion: readTargets(file.content).version,
  };
}

/** Says what a release without a contract leaves unchecked. */
export function remarkContract(files: readonly string[], terminal: Terminal): void {
  if (files.includes('contract.yaml')) return;
  remark(
    terminal,
    'It has no feature contract, so no device checks that its sensors are those of the model.',
  );
}

/** The file of the difference to the newest version before this one, where it pays. */
async function deltaOf(
  model: Uint8Array,
  { name, release }: DescriptionArguments,
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
