/** `starling-agent releases`: which versions lie in the slots, which serves, and why others do not. */
import { join } from 'node:path';
import { trustedVersion } from '@starling/federation';
import { AgentError } from '../errors.js';
import { diskFiles } from '../releases/disk-files.js';
import { readState } from '../releases/kept-state.js';
import { readTrust } from '../releases/metadata.js';
import { releasesFolder } from '../releases/paths.js';
import type { ModelReleases } from '../releases/state.js';
import { readKept } from '../state/device-id.js';
import { exitCodes } from './exit-codes.js';

/** Reads what the agent last saved, without disturbing it. */
export async function releases(stateFolder: string, json: boolean): Promise<number> {
  if ((await readKept(stateFolder)) === undefined) {
    throw new AgentError(
      'agent/state-folder',
      `${stateFolder} is no state directory of an agent; give the one that was given to "run".`,
    );
  }
  const files = diskFiles(join(stateFolder, releasesFolder));
  const { models } = await readState(files);
  const trust = await readTrust(files, undefined);
  const root = trust && { version: trustedVersion(trust.trusted, 'root'), from: trust.from };
  if (json) {
    process.stdout.write(`${JSON.stringify({ root: root ?? null, models })}\n`);
    return exitCodes.done;
  }
  const believed =
    root === undefined
      ? 'no root is believed yet'
      : `version ${root.version}, from ${root.from.slice(0, 16)}…`;
  const lines = [
    `root      ${believed}`,
    ...Object.entries(models).flatMap(([name, model]) => describe(name, model)),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return exitCodes.done;
}

function describe(name: string, model: ModelReleases): readonly string[] {
  const { active, spare, failed, hindrance } = model;
  const slots = [active, spare].flatMap((release) =>
    release === undefined ? [] : [[release.slot, release.version, release === active] as const],
  );
  const held = slots
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([slot, version, serves]) => `  slot ${slot}  version ${version}${serves ? ', serves' : ''}`);
  return [
    `${name.padEnd(9)} ${summary(model)}`,
    ...held,
    ...(hindrance === undefined
      ? []
      : [`  waits   version ${hindrance.version}: ${hindrance.reason} (${hindrance.code})`]),
    ...failed.map(({ version, reason }) => `  failed  version ${version}: ${reason}`),
  ];
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
