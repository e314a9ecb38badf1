/** `starling release status`: what is signed and released, where it is from, and how rollouts do. */
import { readRoot, readTargets, signaturesOf, type TargetContent } from '@starling/federation';
import type { GetReleaseStateResponse } from '@starling/proto';
import { type Lineage, lineageFile, readLineage } from '../releases/index.js';
import { type ClientArguments, type Remote, withCoordinator } from './connection.js';
import { formatTable, formatTime } from './format.js';
import { sha256Of } from './release-files.js';
import { describeStage } from './rollout.js';
import { printJson, printLine, remark, type Terminal } from './terminal.js';

export async function showReleases(args: ClientArguments, terminal: Terminal): Promise<void> {
  await withCoordinator(args, terminal, async (remote) => {
    const { releases } = remote;
    const state = await releases.getReleaseState({}, { signal: terminal.signal });
    const { rollouts, devices } = state;
    const metadata = readMetadata(state);
    const listed = state.targets.length === 0 ? [] : [...readTargets(state.targets).targets];
    const lineages = await lineagesOf(listed, remote, terminal.signal);
    if (args.json) {
      const files = listed.map(([path, content]) => ({ path, ...content }));
      return printJson(terminal, {
        metadata,
        files,
        lineages: Object.fromEntries(lineages),
        rollouts,
        devices,
      });
    }
    if (metadata.length === 0) remark(terminal, 'This fleet has no root yet: starling release init.');
    else printMetadata(metadata, terminal);
    const models = listed.filter(([path]) => path.endsWith('/model.onnx'));
    printLine(
      terminal,
      formatTable(
        ['RELEASE', 'SIZE (bytes)', 'SHA-256', 'TASK', 'FROM', 'CONTRACT', 'PUBLISHED BY'],
        models.map(([path, { sizeBytes, sha256 }]) => {
          const release = path.slice(0, -'/model.onnx'.length);
          return [
            release.replace('/', ' '),
            String(sizeBytes),
            sha256.slice(0, 16),
            ...describeLineage(lineages.get(release)),
          ];
        }),
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

/** What people sign, as far as it is there. */
interface SignedMetadata {
  readonly role: 'root' | 'targets';
  readonly version: number;
  readonly expiresAtMs: number;
  /** Of the keys that the root names for it: how many must sign, and how many have. */
  readonly threshold: number;
  readonly signatures: number;
  /** As `starling key show` prints them. */
  readonly keys: readonly string[];
}

function readMetadata(state: GetReleaseStateResponse): readonly SignedMetadata[] {
  if (state.root.length === 0) return [];
  const root = readRoot(state.root);
  const describe = (role: SignedMetadata['role'], bytes: Uint8Array): SignedMetadata => {
    const { version, expiresAtMs } = role === 'root' ? root : readTargets(bytes);
    const { keys, threshold } = root.roles[role];
    const signatures = signaturesOf(role, bytes, root);
    const texts = keys.map((key) => Buffer.from(key).toString('base64url'));
    return { role, version, expiresAtMs, threshold, signatures, keys: texts };
  };
  const { targets } = state;
  return [describe('root', state.root), ...(targets.length === 0 ? [] : [describe('targets', targets)])];
}

/** Past the times that are told, devices believe no more of it. */
function printMetadata(metadata: readonly SignedMetadata[], terminal: Terminal): void {
  const rows = metadata.map(({ role, version, expiresAtMs, threshold, signatures, keys }) => [
    role,
    String(version),
    `${signatures} of ${keys.length}`,
    String(threshold),
    formatTime(expiresAtMs),
  ]);
  printLine(terminal, formatTable(['METADATA', 'VERSION', 'SIGNATURES', 'NEEDED', 'GOOD UNTIL (UTC)'], rows));
  printLine(terminal, '');
}

/** Devices on a person's screen. */
const devicesShown = 40;

/** Releases whose lineage is read: the newest. */
const lineagesMax = 40;
const lineageBytesMax = 1 << 18;

/** By `NAME/VERSION`; those that have none, or another content than was signed, are left out. */
async function lineagesOf(
  listed: readonly (readonly [path: string, content: TargetContent])[],
  remote: Remote,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Lineage>> {
  const found = new Map<string, Lineage>();
  const versionOf = (path: string): number => Number(path.split('/')[1]);
  const paths = listed
    .filter(([path, { sizeBytes }]) => path.endsWith(`/${lineageFile}`) && sizeBytes <= lineageBytesMax)
    .sort(([a], [b]) => versionOf(b) - versionOf(a))
    .slice(0, lineagesMax);
  for (const [path, content] of paths) {
    const request = { sha256: Buffer.from(content.sha256, 'hex'), offsetBytes: 0 };
    const parts: Uint8Array[] = [];
    for await (const { data } of remote.artifacts.downloadArtifact(request, { signal })) parts.push(data);
    const bytes = Buffer.concat(parts);
    const lineage = sha256Of(bytes) === content.sha256 ? readLineage(bytes) : undefined;
    if (lineage !== undefined) found.set(path.slice(0, -`/${lineageFile}`.length), lineage);
  }
  return found;
}

function describeLineage(lineage: Lineage | undefined): readonly string[] {
  if (lineage === undefined) return ['', '', '', ''];
  const { task, run, contractSha256, publishedBy, quantization } = lineage;
  const from = run === null ? '' : run.round === null ? run.id : `${run.id}, round ${run.round}`;
  return [
    task?.name ?? '',
    [from, quantization?.method ?? ''].filter((part) => part !== '').join(', '),
    contractSha256?.slice(0, 12) ?? 'none',
    publishedBy.map((key) => key.slice(0, 12)).join(', '),
  ];
}
