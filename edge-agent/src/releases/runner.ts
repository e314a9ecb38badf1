/** Drives the state machine: saves each state, carries its effects out through the ports, and hands it what came of them. */
import { ReleaseError } from '@starling/federation';
import { CallError } from '../connection/transport.js';
import { AgentError } from '../errors.js';
import { openBelief } from './belief.js';
import type { ReleaseEffect, ReleaseEvent } from './events.js';
import { createFollowing } from './following.js';
import { createJobs, type Job } from './jobs.js';
import { keepState, readState } from './kept-state.js';
import { stepReleases } from './machine.js';
import { atPace } from './pace.js';
import type { ReleasePorts, ReleaseTransport } from './ports.js';
import { takeRetryWishes } from './retry-wishes.js';
import { fillSlot, modelFile, readSlotFile, slotPath } from './slots.js';
import { type InstalledRelease, type ReleasesState, reportOf } from './state.js';
import { tell } from './telling.js';

export interface Releases {
  readonly state: ReleasesState;
  /** Begins to follow what the coordinator wants; until `close`, or until the function that it gives is called. */
  follow(transport: ReleaseTransport): () => void;
  /** The scores of a served version have drifted. */
  drifted(name: string, version: string, stabilityIndex: number): void;
  /** Ends what runs and remembers that this end was no crash. */
  close(): Promise<void>;
}

/**
 * Takes up where the process before stopped, whatever stopped it; settles once what should serve does.
 *
 * @throws ReleaseError where the pinned root is none
 */
export async function openReleases(ports: ReleasePorts): Promise<Releases> {
  const { files, serving, clock, entropy, log, settings } = ports;
  let state = await readState(files);
  const belief = await openBelief(files, settings.root, clock, log);
  let transport: ReleaseTransport | undefined;
  const ending = new AbortController();
  /** Events wait for the one before them. */
  let turn: Promise<void> = Promise.resolve();
  const watches = new Map<string, { cancel(): void }>();

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
      tell(log, state, next);
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

  const carryOut = async (effect: ReleaseEffect): Promise<void> => {
    const { kind } = effect;
    switch (kind) {
      case 'report':
        return following.reportNow();
      case 'settle':
        return serving.settle(effect.name);
      case 'watch':
        return watch(effect.name, effect.release);
      case 'serve':
        return serve(effect.name, effect.release);
      case 'look-up': {
        const { name, version } = effect;
        if (!jobs.mayRetry) return;
        return jobs.start({ kind, name, version, work: (signal) => lookUp(name, version, signal) });
      }
      case 'fetch': {
        const { name, release, base } = effect;
        const { version } = release;
        const work = async (signal: AbortSignal): Promise<ReleaseEvent | undefined> => {
          if (transport === undefined) return undefined;
          const described = await fillSlot(
            files,
            atPace(transport.download, clock),
            name,
            release,
            base,
            signal,
          );
          return { kind: 'fetched', name, version, ...described };
        };
        return jobs.start({ kind, name, version, work });
      }
      case 'check': {
        const { name, release } = effect;
        const { version } = release;
        const work = async (signal: AbortSignal): Promise<ReleaseEvent> => {
          for (const file of release.files) {
            const held = await readSlotFile(files, name, release, file.name);
            if (held === undefined) throw damaged(name, release);
          }
          const fault = await ports.check(name, release, signal);
          // A check that was broken off says nothing.
          signal.throwIfAborted();
          return { kind: 'checked', name, version, fault };
        };
        return jobs.start({ kind, name, version, work });
      }
    }
  };

  const serve = async (name: string, release: InstalledRelease | undefined): Promise<void> => {
    watches.get(name)?.cancel();
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
    watches.set(name, timer);
  };

  const lookUp = (name: string, version: number, signal: AbortSignal): Promise<ReleaseEvent> => {
    if (transport === undefined) throw new Error('a wish came without a transport');
    return belief.lookUp(transport, name, version, signal);
  };

  const hindrance = async (
    { name, version }: Job,
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

  const following = createFollowing({
    report: () => reportOf(state),
    before: () => takeRetryWishes(files, ({ name, version }) => post({ kind: 'retried', name, version })),
    async onWanted(wanted, signal) {
      // The sooner after its enrolment, the fewer have had the chance to show it another one.
      if (!belief.hasBegun && wanted.length === 0 && transport !== undefined) {
        await belief.begin(transport, signal);
      }
      await post({ kind: 'wanted', releases: wanted });
    },
    ...{ clock, entropy, log, settings },
  });

  const jobs = createJobs({
    ...{ clock, settings, ending: ending.signal, hindrance, post, inBackground },
    askAgain: following.reportNow,
  });

  await post({ kind: 'started' });

  let followed: Promise<void> = Promise.resolve();
  return {
    get state() {
      return state;
    },
    follow(remote) {
      transport = remote;
      const until = new AbortController();
      followed = following.run(remote, AbortSignal.any([ending.signal, until.signal]));
      inBackground(followed);
      return () => {
        until.abort();
        jobs.abort();
      };
    },
    drifted(name, version, stabilityIndex) {
      inBackground(post({ kind: 'drifted', name, version: Number(version), stabilityIndex }));
    },
    async close() {
      const failed = ending.signal.aborted;
      ending.abort();
      for (const timer of watches.values()) timer.cancel();
      await jobs.close();
      await followed.catch(() => {});
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
