/** `starling release publish`: what was signed, for devices to see; a model is made a release first. */
import { type RootContent, readRoot, readTargets, signaturesOf } from '@starling/federation';
import {
  CHUNK_BYTES_MAX,
  type ReleaseOperationsService,
  type ServiceClient,
  type UploadArtifactRequest,
} from '@starling/proto';
import { type ClientArguments, type Remote, withCoordinator } from './connection.js';
import { UsageError } from './explain.js';
import { type DescriptionArguments, describeRelease, makeRelease, remarkContract } from './release-create.js';
import { noRoot, sha256Of } from './release-files.js';
import { isSignedFile, readSignedFile, releaseIn, type SignedFile } from './signed-file.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';

/** Makes a release of a model, and publishes it. */
export async function publishModel(args: DescriptionArguments, terminal: Terminal): Promise<void> {
  if (await isSignedFile(args.model)) {
    throw new UsageError(
      `${args.model} is no model: it is what is signed of a release.`,
      `Publish it as it is: starling release publish ${args.model}`,
    );
  }
  await withCoordinator(args, terminal, async (remote) => {
    const { file, root } = await makeRelease(args, remote, terminal);
    checkSignatures(
      file,
      root,
      `Version ${args.release} of ${args.name}`,
      'Sign with more of them (--key), or let others sign: starling release create, with --output.',
    );
    await publish(file, args.json, remote, terminal);
  });
}

/** Publishes a root, targets or a release that enough people have signed. */
export async function publishSigned(
  args: ClientArguments & { readonly file: string },
  terminal: Terminal,
): Promise<void> {
  const file = await readSignedFile(args.file);
  await withCoordinator(args, terminal, async (remote) => {
    const state = await remote.releases.getReleaseState({}, { signal: terminal.signal });
    // The first root vouches for itself.
    if (state.root.length === 0 && file.role === 'targets') throw noRoot();
    if (state.root.length > 0) {
      const remedy = `Let others sign it: starling release sign ${args.file} --key THEIRS`;
      checkSignatures(file, readRoot(state.root), args.file, remedy);
    }
    if (file.role === 'targets') checkIsNext(file, state.targets, args.file);
    await publish(file, args.json, remote, terminal);
  });
}

function checkSignatures(file: SignedFile, root: RootContent, what: string, remedy: string): void {
  const { threshold } = root.roles[file.role];
  const signatures = signaturesOf(file.role, file.content, root);
  if (signatures >= threshold) return;
  throw new UsageError(
    `${what} has ${signatures} signatures of the root's keys; ${threshold} are needed.`,
    remedy,
  );
}

/** Targets name everything that is released: those made before others were published would take these back. */
function checkIsNext(file: SignedFile, published: Uint8Array, path: string): void {
  if (published.length === 0) return;
  const { version } = readTargets(published);
  if (readTargets(file.content).version === version + 1) return;
  if (Buffer.from(published).equals(file.content)) {
    throw new UsageError(`${path} is published already.`, 'See: starling release status.');
  }
  throw new UsageError(
    `${path} does not follow version ${version} of targets.json, which is published.`,
    'Others were published since it was made. Make it again, and let it be signed again.',
  );
}

/** The content first: targets whose content a coordinator does not hold are refused. */
async function publish(
  file: SignedFile,
  json: boolean,
  { releases }: Remote,
  terminal: Terminal,
): Promise<void> {
  const { role, content, contents } = file;
  for (const bytes of contents.values()) await upload(releases, bytes, terminal.signal);
  const { version } = await releases.publishReleaseFile({ role, content }, { signal: terminal.signal });
  if (releaseIn(file) === undefined) {
    if (json) return printJson(terminal, { role, version });
    return printLine(terminal, `Version ${version} of ${role}.json is published.`);
  }
  const told = describeRelease(file);
  if (json) return printJson(terminal, told);
  printLine(terminal, `Version ${told.version} of ${told.name} is released.`);
  remarkContract(told.files, terminal);
  remark(terminal, `No device runs it yet: starling rollout start ${told.name} ${told.version}`);
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
