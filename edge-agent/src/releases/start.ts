/** The releases of this agent: its disk, its inference and its recent data behind the runner's ports. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock, Entropy } from '@starling/federation';
import type { Log } from '../connection/shell.js';
import { AgentError } from '../errors.js';
import type { Recording } from '../examples/recording.js';
import type { InferenceService, InferenceSettings, ModelDirectory } from '../inference/index.js';
import { belongingsFault } from './belongings.js';
import { diskFiles } from './disk-files.js';
import { releasesFolder } from './paths.js';
import { defaultReleaseSettings } from './ports.js';
import { keepRecent } from './recent.js';
import { openReleases, type Releases } from './runner.js';
import { releaseServing } from './serving.js';
import { modelFile, slotPath } from './slots.js';
import { defaultTrialSettings, tryInOwnProcess } from './trial/own-process.js';
import type { LabelledRows } from './trial/try-release.js';

/** The section `releases` of the configuration. */
export interface ReleasesConfiguration {
  /** File of the first root to believe; the fleet's first one where it is absent. */
  readonly root?: string | undefined;
  /** Longest time between two reports, in seconds. */
  readonly reportSecondsMax?: number | undefined;
  /** Longest that the health check may take, in seconds. */
  readonly checkSecondsMax?: number | undefined;
  /** Most memory of the process in which a release is checked, in megabytes. */
  readonly checkMegabytesMax?: number | undefined;
}

export interface StartReleasesOptions extends ReleasesConfiguration {
  readonly stateFolder: string;
  readonly service: InferenceService;
  readonly directory: ModelDirectory;
  readonly settings: InferenceSettings;
  /** The newest examples of a task with a known class, once they can be read. */
  readonly labelled: (task: string) => Promise<LabelledRows | undefined>;
  /** What this device records of a task, once that is known; undefined where it records nothing of it. */
  readonly recording: (task: string) => Promise<Recording | undefined>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
}

export interface DeviceReleases extends Pick<Releases, 'follow' | 'drifted' | 'close'> {
  /** Where a version that came as a release lies; undefined for others. */
  folder(name: string, version: string): string | undefined;
}

/**
 * Loads what should serve, before anybody asks.
 *
 * @throws AgentError `agent/configuration` where the root cannot be read, ReleaseError where it is none
 */
export async function startReleases(options: StartReleasesOptions): Promise<DeviceReleases> {
  const { stateFolder, service, directory, settings, labelled, recording, clock, entropy, log } = options;
  const folder = join(stateFolder, releasesFolder);
  const { reportSecondsMax, checkSecondsMax, checkMegabytesMax } = options;
  const { timeMsMax, memoryBytesMax } = defaultTrialSettings;
  const trial = {
    timeMsMax: checkSecondsMax === undefined ? timeMsMax : checkSecondsMax * 1_000,
    memoryBytesMax: checkMegabytesMax === undefined ? memoryBytesMax : checkMegabytesMax * 1_000_000,
  };
  const recent = keepRecent(service);
  const files = diskFiles(folder);
  const releases = await openReleases({
    files,
    serving: releaseServing(service, directory),
    async check(name, release, signal) {
      const { task, health, slot } = release;
      const fault = await belongingsFault(files, name, release, await recording(task));
      if (fault !== undefined) return fault;
      const data = { requests: recent.of(name), labelled: await labelled(task) };
      const path = join(folder, slotPath(name, slot), modelFile);
      return tryInOwnProcess(path, health, data, { trial, inference: settings, clock, signal });
    },
    clock,
    entropy,
    log,
    settings: {
      ...defaultReleaseSettings,
      root: options.root === undefined ? undefined : await readRoot(options.root),
      ...(reportSecondsMax === undefined ? {} : { reportMsMax: reportSecondsMax * 1_000 }),
    },
  });
  return {
    follow: releases.follow,
    drifted: releases.drifted,
    folder(name, version) {
      const { active, spare } = releases.state.models[name] ?? {};
      const found = [active, spare].find((release) => String(release?.version) === version);
      return found && join(folder, slotPath(name, found.slot));
    },
    async close() {
      recent.close();
      await releases.close();
    },
  };
}

async function readRoot(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new AgentError(
      'agent/configuration',
      `The root of releases ${path} cannot be read; check "releases.root".`,
      error,
    );
  }
}
