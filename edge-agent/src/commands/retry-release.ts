/** `starling-agent releases retry`: what was given up on this device may be tried again. */
import { join } from 'node:path';
import { AgentError } from '../errors.js';
import { diskFiles } from '../releases/disk-files.js';
import { keepState, readState } from '../releases/kept-state.js';
import { stepReleases } from '../releases/machine.js';
import { releasesFolder } from '../releases/paths.js';
import { wishRetry } from '../releases/retry-wishes.js';
import type { FailedRelease } from '../releases/state.js';
import { lockHolder, lockState } from '../state/lock.js';
import { exitCodes } from './exit-codes.js';
import { checkIsState } from './releases.js';

/** What `--json` prints. */
export type RetryAnswer =
  /** No agent runs: it is forgotten that they failed. */
  | { readonly answer: 'forgotten'; readonly name: string; readonly versions: readonly FailedRelease[] }
  /** The agent that runs forgets it before its next report to the coordinator. */
  | { readonly answer: 'asked'; readonly name: string; readonly versions: readonly FailedRelease[] };

/**
 * @param version all that were given up of that name where it is undefined
 * @throws AgentError `agent/release-not-given-up`, `agent/state-folder`, `agent/disk-full`
 */
export async function retryRelease(
  stateFolder: string,
  name: string,
  version: number | undefined,
  json: boolean,
): Promise<number> {
  await checkIsState(stateFolder);
  const files = diskFiles(join(stateFolder, releasesFolder));
  const { models } = await readState(files);
  const failed = models[name]?.failed ?? [];
  const versions = failed.filter((one) => version === undefined || one.version === version);
  if (versions.length === 0) {
    const what = version === undefined ? 'Nothing' : `No version ${version}`;
    throw new AgentError(
      'agent/release-not-given-up',
      `${what} of ${name} was given up on this device; "starling-agent releases" shows what was.`,
    );
  }
  const isRunning = (await lockHolder(stateFolder)) !== undefined;
  if (isRunning) await wishRetry(files, { name, version });
  else {
    const lock = await lockState(stateFolder);
    try {
      const state = await readState(files);
      await keepState(files, stepReleases(state, { kind: 'retried', name, version }).state);
    } finally {
      await lock.release();
    }
  }
  const answer: RetryAnswer = { answer: isRunning ? 'asked' : 'forgotten', name, versions };
  const numbers = versions.map((one) => one.version).join(', ');
  const how = isRunning
    ? 'The agent tries it again with its next report to the coordinator, if it is still wanted.'
    : 'It is tried again once an agent runs here, if it is still wanted.';
  process.stdout.write(
    json ? `${JSON.stringify(answer)}\n` : `Version ${numbers} of ${name} is given up no more. ${how}\n`,
  );
  return exitCodes.done;
}
