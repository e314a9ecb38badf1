/** `starling-agent status`. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describeRound } from '../connection/assignment.js';
import { AgentError } from '../errors.js';
import { diskFiles } from '../releases/disk-files.js';
import { readState } from '../releases/kept-state.js';
import { releasesFolder } from '../releases/paths.js';
import { readStanding } from '../standing/index.js';
import { readKept } from '../state/device-id.js';
import { lockHolder } from '../state/lock.js';
import { readUpdateHeader } from '../state/update-store.js';
import { describeStanding, knownStanding } from './describe-standing.js';
import { exitCodes } from './exit-codes.js';
import { summary } from './releases.js';
import { readStoredStatus } from './stored-status.js';

/** Says what a state directory holds, without disturbing the agent that uses it. */
export async function status(stateFolder: string, json: boolean): Promise<number> {
  const device = await readKept(stateFolder);
  if (device === undefined) {
    throw new AgentError(
      'agent/state-folder',
      `${stateFolder} is no state directory of an agent; give the one that was given to "run".`,
    );
  }
  const processId = await lockHolder(stateFolder);
  const update = await readUpdateHeader(stateFolder);
  const cachedBytes = await folderBytes(join(stateFolder, 'artifacts'));
  const standing = knownStanding(await readStanding(stateFolder), processId);
  const stored = readStoredStatus(stateFolder);
  const { models } = await readState(diskFiles(join(stateFolder, releasesFolder)));
  if (json) {
    const waiting = update === undefined ? null : { round: update.round, bytes: update.bytes };
    process.stdout.write(
      `${JSON.stringify({ device, processId: processId ?? null, standing: standing ?? null, updateWaiting: waiting, cachedBytes, ...stored, releases: models })}\n`,
    );
    return exitCodes.done;
  }
  const lines = [
    `device    ${device}`,
    `agent     ${processId === undefined ? 'not running' : `running, process ${processId}`}`,
    ...describeStanding(standing),
    `update    ${update === undefined ? 'none waits' : `waits for upload: ${describeRound(update.round)}, ${update.bytes} bytes`}`,
    `cache     ${cachedBytes} bytes`,
    ...stored.telemetry.map(
      ({ stream, written, waiting }) => `telemetry ${stream}: ${written} records written, ${waiting} wait`,
    ),
    ...stored.examples.map(
      ({ task, examples, labelled, quarantined }) =>
        `examples  ${task}: ${examples}, ${labelled} labelled; ${quarantined} rows quarantined`,
    ),
    ...Object.entries(models).map(([name, model]) => `release   ${name}: ${summary(model)}`),
  ];
  process.stdout.write(`${lines.join('\n')}\n`);
  return exitCodes.done;
}

async function folderBytes(path: string): Promise<number> {
  const names = await readdir(path).catch(() => []);
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(path, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
