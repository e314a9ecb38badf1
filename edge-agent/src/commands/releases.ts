/** `starling-agent releases`: which versions lie in the slots, which serves, and why others do not. */
import { join } from 'node:path';
import { trustedVersion } from '@starling/federation';
import { AgentError } from '../errors.js';
import { diskFiles } from '../releases/disk-files.js';
import type { ReleaseFiles } from '../releases/files.js';
import { readState } from '../releases/kept-state.js';
import { type Lineage, lineageOf } from '../releases/lineage.js';
import { readTrust } from '../releases/metadata.js';
import { releasesFolder } from '../releases/paths.js';
import type { ModelReleases, ReleasesState } from '../releases/state.js';
import { readKept } from '../state/device-id.js';
import { exitCodes } from './exit-codes.js';

/** Reads what the agent last saved, without disturbing it. */
export async function releases(stateFolder: string, json: boolean): Promise<number> {
  await checkIsState(stateFolder);
  const files = diskFiles(join(stateFolder, releasesFolder));
  const { models } = await readState(files);
  const trust = await readTrust(files, undefined);
  const root = trust && { version: trustedVersion(trust.trusted, 'root'), from: trust.from };
  const lineages = await lineagesOf(files, models);
  if (json) {
    process.stdout.write(`${JSON.stringify({ root: root ?? null, models, lineages })}\n`);
    return exitCodes.done;
  }
  const believed =
    root === undefined
      ? 'no root is believed yet'
      : `version ${root.version}, from ${root.from.slice(0, 16)}…`;
  const lines = [
    `root      ${believed}`,
    ...Object.entries(models).flatMap(([name, model]) => describe(name, model, lineages[name] ?? {})),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return exitCodes.done;
}

/** @throws AgentError `agent/state-folder` */
export async function checkIsState(stateFolder: string): Promise<void> {
  if ((await readKept(stateFolder)) !== undefined) return;
  throw new AgentError(
    'agent/state-folder',
    `${stateFolder} is no state directory of an agent; give the one that was given to "run".`,
  );
}

type Lineages = Readonly<Record<number, Lineage>>;

/** By name and version, of what lies in the slots. */
async function lineagesOf(
  files: ReleaseFiles,
  models: ReleasesState['models'],
): Promise<Readonly<Record<string, Lineages>>> {
  const found: Record<string, Record<number, Lineage>> = {};
  for (const [name, { active, spare }] of Object.entries(models)) {
    for (const release of [active, spare]) {
      const lineage = release && (await lineageOf(files, name, release));
      if (lineage !== undefined) found[name] = { ...found[name], [release?.version ?? 0]: lineage };
    }
  }
  return found;
}

function describe(name: string, model: ModelReleases, lineages: Lineages): readonly string[] {
  const { active, spare, failed, hindrance } = model;
  const slots = [active, spare].flatMap((release) =>
    release === undefined ? [] : [[release.slot, release.version, release === active] as const],
  );
  const held = slots
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([slot, version, serves]) => [
      `  slot ${slot}  version ${version}${serves ? ', serves' : ''}`,
      ...describeLineage(lineages[version]),
    ]);
  return [
    `${name.padEnd(9)} ${summary(model)}`,
    ...held,
    ...(hindrance === undefined
      ? []
      : [`  waits   version ${hindrance.version}: ${hindrance.reason} (${hindrance.code})`]),
    ...failed.map(({ version, reason }) => `  failed  version ${version}: ${reason}`),
  ];
}

function describeLineage(lineage: Lineage | undefined): readonly string[] {
  if (lineage === undefined) return [];
  const { task, run, planSha256, contractSha256, quantization, publishedBy } = lineage;
  const parts = [
    task === null ? undefined : `task ${task.name}`,
    run === null ? undefined : `run ${run.id}${run.round === null ? '' : `, round ${run.round}`}`,
    quantization === null ? undefined : `${quantization.method} (report ${short(quantization.reportSha256)})`,
    planSha256 === null ? undefined : `plan ${short(planSha256)}`,
    contractSha256 === null ? undefined : `contract ${short(contractSha256)}`,
    `published by ${publishedBy.map((key) => key.slice(0, 12)).join(', ')}`,
  ];
  return [`          from ${parts.filter((part) => part !== undefined).join('; ')}`];
}

function short(sha256: string): string {
  return sha256.slice(0, 12);
}

/** In a few words, for `status` too. */
export function summary({ active, stage }: ModelReleases): string {
  const serves = active === undefined ? 'no release serves' : `version ${active.version} serves`;
  switch (stage.kind) {
    case 'resting':
      return active === undefined ? serves : `${serves}, proven`;
    case 'fetching':
      return `${serves}; version ${stage.release.version} is downloaded`;
    case 'checking':
      return `${serves}; version ${stage.release.version} is tried`;
    case 'watching':
      return `${serves}, watched for ${Math.ceil(stage.remainingMs / 1000)} s more`;
  }
}
