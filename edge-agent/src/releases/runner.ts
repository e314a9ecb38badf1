/** Drives the state machine: saves each state, carries its effects out through the ports, and hands it what came of them. */
import { type Clock, delay, type Entropy, ReleaseError, uniform } from '@starling/federation';
import type { Log } from '../connection/shell.js';
import { CallError } from '../connection/transport.js';
import { AgentError } from '../errors.js';
import type { ReleaseFiles } from './files.js';
import { keepState, readState } from './kept-state.js';
import { type ReleaseEffect, type ReleaseEvent, stepReleases, type WantedRelease } from './machine.js';
import {
  type FetchReleaseFile,
  filesOf,
  type KeptTrust,
  keepTrust,
  pinFirstRoot,
  readTrust,
  refreshTrust,
} from './metadata.js';
import type { ReleaseServing } from './serving.js';
import { fillSlot, modelFile, type ReleaseDownload, readSlotFile, slotPath } from './slots.js';
import { type InstalledRelease, type ReleaseReport, type ReleasesState, reportOf } from './state.js';

export interface ReleaseSettings {
  /** The first root to believe; the coordinator's first one where it is absent. */
  readonly root?: Uint8Array | undefined;
  /** Longest time between two reports, in milliseconds; the coordinator may ask for shorter ones. */
  readonly reportMsMax: number;
  /** First and longest wait after an attempt that stopped, in milliseconds. */
  readonly retryMsMin: number;
  readonly retryMsMax: number;
}

export const defaultReleaseSettings: ReleaseSettings = {
  reportMsMax: 300_000,
  retryMsMin: 1_000,
  retryMsMax: 300_000,
};

/** What the coordinator is asked; every call ends early when its signal aborts, and may fail with a CallError. */
export interface ReleaseTransport {
  readonly releaseFile: FetchReleaseFile;
  reportReleases(
    running: readonly ReleaseReport[],
    signal: AbortSignal,
  ): Promise<{ readonly wanted: readonly WantedRelease[]; readonly reportAgainMs: number }>;
  readonly download: ReleaseDownload;
}

export interface ReleasePorts {
  readonly files: ReleaseFiles;
  readonly serving: ReleaseServing;
  /** The health check: what speaks against the model, a sentence, or undefined. */
  check(name: string, release: InstalledRelease, model: Uint8Array): Promise<string | undefined>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly settings: ReleaseSettings;
}

export interface Releases {
  readonly state: ReleasesState;
  /** Begins to follow what the coordinator wants; until `close`, or until the function that it gives is called. */
  follow(transport: ReleaseTransport): () => void;
  /** The scores of a served version have drifted. */
  drifted(name: string, version: string, stabilityIndex: number): void;
  /** Ends what runs and remembers that this end was no crash. */
  close(): Promise<void>;
}

/** No release has such a name. */
const retryTimer = ' retry';
const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const wantedMax = 64;
/** Shortest time between two reports. */
const reportMsMin = 100;

/**
 * Takes up where the process before stopped, whatever stopped it; settles once what should serve does.
 *
 * @throws ReleaseError where the pinned root is none
 */
export async function openReleases(ports: ReleasePorts): Promise<Releases> {
  const { files, serving, clock, entropy, log, settings } = ports;
  let state = await readState(files);
  let trust = await readTrust(files, settings.root);
  let transport: ReleaseTransport | undefined;
  const ending = new AbortController();
  /** Events wait for the one before them. */
  let turn: Promise<void> = Promise.resolve();
  let job:
    | { readonly key: string; readonly abort: AbortController; readonly done: Promise<void> }
    | undefined;
  let passedOver = false;
  let hindered = 0;
  let retryAtMs = 0;
  let wake = (): void => {};
  let isReportDue = false;
  const timers = new Map<string, { cancel(): void }>();

  const reportNow = (): void => {
    isReportDue = true;
    wake();
  };

  const post = (event: ReleaseEvent): Promise<void> => {
    const handled = turn.then(() => handle(event));
    turn = handled.catch(() => {});
    return handled;
  };

  const handle = async (event: ReleaseEvent): Promise<void> => {
    const { state: next, effects } = stepReleases(state, event);
    if (next !== state) {
      if (!(await save(next)) && isBeginning(event)) {
        await giveRoom(event.name);
        const { code, message } = diskFull;
        const { name, version } = event;
        return handle({ kind: 'hindered', name, version, code, reason: message, drop: true });
      }
      tell(state, next);
      state = next;
    }
    for (const effect of effects) await carryOut(effect);
  };

  const save = async (next: ReleasesState): Promise<boolean> => {
    try {
      await keepState(files, next);
      return true;
    } catch (error) {
      if (!(error instanceof AgentError && error.code === 'agent/disk-full')) throw error;
      log.warn({ code: error.code }, error.message);
      return false;
    }
  };

  const tell = (before: ReleasesState, next: ReleasesState): void => {
    for (const [name, model] of Object.entries(next.models)) {
      const was = before.models[name];
      const failed = model.failed.at(-1);
      if (failed !== undefined && failed !== was?.failed.at(-1)) {
        const { version, reason } = failed;
        log.warn({ release: name, version }, `Version ${version} of ${name} is given up. ${reason}`);
      }
      const { hindrance } = model;
      if (hindrance !== undefined && hindrance !== was?.hindrance) {
        const { version, code, reason } = hindrance;
        log.warn({ release: name, version, code }, `Version ${version} of ${name} has to wait. ${reason}`);
      }
      if (model.active?.version !== was?.active?.version) {
        const what = model.active === undefined ? 'no release' : `version ${model.active.version}`;
        log.info({ release: name, version: model.active?.version ?? 0 }, `Serves ${what} of ${name}.`);
      } else if (was?.stage.kind === 'watching' && model.stage.kind === 'resting') {
        log.info({ release: name }, `Version ${model.active?.version} of ${name} is proven.`);
      }
    }
  };

  const carryOut = async (effect: ReleaseEffect): Promise<void> => {
    switch (effect.kind) {
      case 'report':
        return reportNow();
      case 'settle':
        return serving.settle(effect.name);
      case 'watch':
        return watch(effect.name, effect.release);
      case 'serve':
        return serve(effect.name, effect.release);
      case 'look-up':
        if (clock.monotonic() < retryAtMs) return;
        return startJob('look-up', effect.name, effect.version, (signal) =>
          lookUp(effect.name, effect.version, signal),
        );
      case 'fetch':
        return startJob('fetch', effect.name, effect.release.version, async (signal) => {
          const { name, release, base } = effect;
          if (transport === undefined) return undefined;
          const described = await fillSlot(files, transport.download, name, release, base, signal);
          return { kind: 'fetched', name, version: release.version, ...described };
        });
      case 'check':
        return startJob('check', effect.name, effect.release.version, async () => {
          const { name, release } = effect;
          const { version } = release;
          const model = await readSlotFile(files, name, release, modelFile);
          if (model === undefined) throw damaged(name, release);
          return { kind: 'checked', name, version, fault: await ports.check(name, release, model) };
        });
    }
  };

  const serve = async (name: string, release: InstalledRelease | undefined): Promise<void> => {
    timers.get(name)?.cancel();
    try {
      if (release === undefined) return await serving.serveLocal(name);
      await serving.serve(name, release.version, async () => {
        const model = await readSlotFile(files, name, release, modelFile);
        if (model === undefined) throw damaged(name, release);
        return model;
      });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (release === undefined) log.error({ release: name }, `${name} is not served. ${reason}`);
      else {
        const isDamaged = error instanceof AgentError && error.code === 'agent/slot-damaged';
        await handle({ kind: 'broken', name, version: release.version, isDamaged, reason });
      }
    }
  };

  const watch = (name: string, { version, health }: InstalledRelease): void => {
    const startMs = clock.monotonic();
    const waitMs = Math.min(Math.max(health.watchMs / 20, 50), 10_000);
    const timer = clock.schedule(waitMs, () => {
      const elapsedMs = clock.monotonic() - startMs;
      inBackground(post({ kind: 'watched', name, version, elapsedMs, figures: serving.figures(name) }));
    });
    timers.set(name, timer);
  };

  /** One at a time: whatever else is to be done is named again by the next answer to a report. */
  const startJob = (
    kind: string,
    name: string,
    version: number,
    work: (signal: AbortSignal) => Promise<ReleaseEvent | undefined>,
  ): void => {
    const key = `${kind} ${name} ${version}`;
    if (ending.signal.aborted || job?.key === key) return;
    if (job !== undefined) {
      passedOver = true;
      // Another version of the same name: what is being done is wanted no more.
      if (job.key.split(' ')[1] === name) job.abort.abort();
      return;
    }
    const abort = new AbortController();
    const signal = AbortSignal.any([abort.signal, ending.signal]);
    const run = async (): Promise<void> => {
      const event = await work(signal).catch((error: unknown) => hindrance(name, version, error, signal));
      job = undefined;
      if (event !== undefined) {
        if (event.kind === 'hindered') {
          const waitMs = Math.min(settings.retryMsMin * 2 ** hindered, settings.retryMsMax);
          retryAtMs = clock.monotonic() + waitMs;
          hindered += 1;
          timers.get(retryTimer)?.cancel();
          timers.set(retryTimer, clock.schedule(waitMs, reportNow));
        } else hindered = 0;
        await post(event);
      }
      if (passedOver && job === undefined) {
        passedOver = false;
        reportNow();
      }
    };
    // What runs in it posts events, which wait for the pump that starts it.
    const done = Promise.resolve().then(run);
    job = { key, abort, done };
    inBackground(done);
  };

  const pinFirst = async (remote: ReleaseTransport, signal: AbortSignal): Promise<KeptTrust | undefined> => {
    const begun = await pinFirstRoot(files, remote.releaseFile, signal);
    if (begun !== undefined) {
      log.info({ sha256: begun.from }, 'Believes the first root of releases that this fleet has shown.');
    }
    return begun;
  };

  const lookUp = async (name: string, version: number, signal: AbortSignal): Promise<ReleaseEvent> => {
    if (transport === undefined) throw new Error('a wish came without a transport');
    trust ??= await pinFirst(transport, signal);
    if (trust === undefined) {
      throw new ReleaseError('RELEASE_UNKNOWN', 'The coordinator has no file root.json of the releases.');
    }
    const { from }: KeptTrust = trust;
    const nowMs = clock.now();
    const keep = async (trusted: KeptTrust['trusted']): Promise<void> => {
      await keepTrust(files, { trusted, from });
      trust = { trusted, from };
    };
    const trusted = await refreshTrust(trust.trusted, transport.releaseFile, nowMs, keep, signal);
    return { kind: 'offered', name, version, ...filesOf(trusted, name, version, nowMs) };
  };

  const hindrance = async (
    name: string,
    version: number,
    error: unknown,
    signal: AbortSignal,
  ): Promise<ReleaseEvent | undefined> => {
    if (signal.aborted) return undefined;
    const event = { kind: 'hindered', name, version, drop: false } as const;
    if (error instanceof ReleaseError) {
      return { ...event, code: error.code, reason: error.message, drop: true };
    }
    if (error instanceof CallError) {
      const code = error.failure.kind === 'refused' ? error.failure.code : 'agent/coordinator-away';
      return { ...event, code, reason: error.message };
    }
    if (error instanceof AgentError && error.code === 'agent/disk-full') await giveRoom(name);
    const code = error instanceof AgentError ? error.code : 'agent/unexpected';
    return { ...event, code, reason: error instanceof Error ? error.message : String(error), drop: true };
  };

  /** What was downloaded of a release that does not fit gives its room back to the device. */
  const giveRoom = async (name: string): Promise<void> => {
    const stage = state.models[name]?.stage;
    if (stage?.kind === 'fetching') await files.remove(slotPath(name, stage.release.slot));
  };

  const inBackground = (work: Promise<void>): void => {
    work.catch((error: unknown) => {
      const why = error instanceof Error ? error.message : String(error);
      log.error(
        { error: why },
        'The releases of this device cannot be kept; they are taken up at its next start.',
      );
      ending.abort();
    });
  };

  const followLoop = async (remote: ReleaseTransport, signal: AbortSignal): Promise<void> => {
    let failures = 0;
    while (!signal.aborted) {
      isReportDue = false;
      let waitMs: number;
      try {
        const { wanted, reportAgainMs } = await remote.reportReleases(reportOf(state), signal);
        failures = 0;
        // The sooner after its enrolment, the fewer have had the chance to show it another one.
        if (trust === undefined && wanted.length === 0) trust = await pinFirst(remote, signal);
        waitMs = Math.min(Math.max(reportAgainMs, reportMsMin), settings.reportMsMax);
        const known = wanted.slice(0, wantedMax).filter(({ name }) => namePattern.test(name));
        await post({ kind: 'wanted', releases: known });
      } catch (error) {
        if (signal.aborted) return;
        const isExpected = [CallError, ReleaseError, AgentError].some((kind) => error instanceof kind);
        if (!(isExpected && error instanceof Error)) throw error;
        if (failures === 0) log.warn({}, `Nothing is heard of releases. ${error.message}`);
        waitMs = Math.min(settings.retryMsMin * 2 ** failures, settings.retryMsMax);
        failures = Math.min(failures + 1, 20);
      }
      // Not all devices of a fleet at once.
      const drawnMs = waitMs * (0.9 + 0.2 * uniform(entropy));
      const stop = new AbortController();
      wake = () => stop.abort();
      if (isReportDue && failures === 0) await delay(clock, reportMsMin, signal).catch(() => {});
      else await delay(clock, drawnMs, AbortSignal.any([signal, stop.signal])).catch(() => {});
    }
  };

  await post({ kind: 'started' });

  let following: Promise<void> = Promise.resolve();
  return {
    get state() {
      return state;
    },
    follow(remote) {
      transport = remote;
      const until = new AbortController();
      following = followLoop(remote, AbortSignal.any([ending.signal, until.signal]));
      inBackground(following);
      return () => {
        until.abort();
        job?.abort.abort();
      };
    },
    drifted(name, version, stabilityIndex) {
      inBackground(post({ kind: 'drifted', name, version: Number(version), stabilityIndex }));
    },
    async close() {
      const failed = ending.signal.aborted;
      ending.abort();
      for (const timer of timers.values()) timer.cancel();
      await job?.done.catch(() => {});
      await following.catch(() => {});
      if (!failed) await post({ kind: 'stopping' });
    },
  };
}

type Beginning = Extract<ReleaseEvent, { readonly kind: 'offered' | 'fetched' | 'checked' }>;

/** What must be remembered before it is done; going back is done even where it cannot be. */
function isBeginning(event: ReleaseEvent): event is Beginning {
  return event.kind === 'offered' || event.kind === 'fetched' || event.kind === 'checked';
}

const diskFull = {
  code: 'agent/disk-full',
  message: 'There is no room left to remember an update; what serves goes on.',
};

function damaged(name: string, { version, slot }: InstalledRelease): AgentError {
  return new AgentError(
    'agent/slot-damaged',
    `What lies in slot ${slot} of ${name} is not version ${version} any more; it is fetched again.`,
  );
}
