/** Who takes part in which round and when, in virtual time: decided by seeds alone, before anything is computed. */
import { randomStream, uniform01 } from '@starling/engine';
import { deriveSeed, purposes } from '../seeds.js';
import type { DeviceModel, DeviceSettings, UpdateSize } from './behaviour.js';
import { below, drawClients } from './draw-clients.js';

/** One client's update. */
export interface ScheduledUpdate {
  readonly client: number;
  /** The commit whose checkpoint it trains from; 0 is the first model. */
  readonly version: number;
  /** Passes over its examples: fewer than the scenario's where it is a straggler. */
  readonly epochs: number;
}

/** One commit of the run. */
export interface ScheduledRound {
  readonly round: number;
  readonly updates: readonly ScheduledUpdate[];
  /** Devices that were selected, and those whose work came to nothing. */
  readonly selected: number;
  readonly lost: number;
  /** When the round is committed, in seconds since the start; 0 where time is not simulated. */
  readonly seconds: number;
  /** Oldest version that devices still train from. */
  readonly oldestLive: number;
  /** Bytes sent to and by devices, lost work included. */
  readonly downloadBytes: number;
  readonly uploadBytes: number;
}

/** Where a device is lost: before it starts, while it trains, while it uploads. */
export type LostStage = 'selected' | 'training' | 'upload';

export interface SynchronousRound extends ScheduledRound {
  /** Devices that drop out, and where, stragglers who send nothing among them; who is merely late is not. */
  readonly dropouts: ReadonlyMap<number, LostStage>;
  /** All who were selected, ascending. */
  readonly cohort: readonly number[];
}

export interface ScheduleSettings {
  readonly seed: number;
  readonly fleet: number;
  readonly cohort: number;
  readonly devices: DeviceSettings | null;
  readonly model: DeviceModel | null;
  /** Passes over its examples that a client is asked for. */
  readonly epochs: number;
  /** What a client's update takes, of so many epochs. */
  updateOf(client: number, epochs: number): UpdateSize;
}

/** Synchronous rounds: a cohort is drawn, and the round ends with its slowest device or at the deadline. */
export function* synchronousSchedule(settings: ScheduleSettings): Generator<SynchronousRound> {
  let seconds = 0;
  for (let round = 0; ; round += 1) {
    const scheduled = synchronousRound(settings, round, seconds);
    seconds = scheduled.seconds;
    yield scheduled;
  }
}

function synchronousRound(settings: ScheduleSettings, round: number, startSeconds: number): SynchronousRound {
  const { seed, fleet, cohort, devices, model } = settings;
  const wanted = devices === null ? cohort : Math.ceil(cohort * devices.overSelection);
  const selected = selectClients(settings, round, wanted, startSeconds);
  let downloadBytes = 0;
  let uploadBytes = 0;
  const dropouts = new Map<number, LostStage>();
  const arrivals: { client: number; after: number; epochs: number }[] = [];
  for (const client of selected) {
    const epochs = epochsOf(settings, deriveSeed(seed, purposes.stragglers, round, client));
    const update = settings.updateOf(client, epochs);
    const fate =
      devices === null ? 'done' : fateOf(devices, deriveSeed(seed, purposes.dropout, round, client));
    if (fate !== 'done') dropouts.set(client, fate);
    if (fate === 'selected') continue;
    downloadBytes += update.downloadBytes;
    if (fate === 'training') continue;
    const times = model?.times(client, update);
    const after = times === undefined ? 0 : times.download + times.training + times.upload;
    if (epochs < settings.epochs && devices?.stragglers?.send === 'nothing') {
      dropouts.set(client, 'training');
      continue;
    }
    uploadBytes += fate === 'upload' ? update.uploadBytes / 2 : update.uploadBytes;
    if (fate === 'upload' || after > (devices?.deadlineSeconds ?? Number.POSITIVE_INFINITY)) continue;
    arrivals.push({ client, after, epochs });
  }
  arrivals.sort((a, b) => a.after - b.after || a.client - b.client);
  const counted = arrivals.slice(0, cohort);
  const last = counted.at(-1)?.after ?? 0;
  const deadline = devices?.deadlineSeconds ?? last;
  return {
    round,
    updates: counted
      .sort((a, b) => a.client - b.client)
      .map(({ client, epochs }) => ({ client, epochs, version: round })),
    selected: selected.length,
    cohort: [...selected],
    dropouts,
    lost: selected.length - counted.length,
    // Whoever is missing is waited for until the deadline.
    seconds: startSeconds + (counted.length < Math.min(cohort, fleet) ? Math.max(deadline, last) : last),
    oldestLive: round + 1,
    downloadBytes,
    uploadBytes,
  };
}

/** Devices that are there; where time is not simulated, all are. */
function selectClients(
  { seed, fleet, devices, model }: ScheduleSettings,
  round: number,
  wanted: number,
  seconds: number,
): Uint32Array {
  if (devices === null || model === null || model.always === true) {
    return drawClients(fleet, wanted, deriveSeed(seed, purposes.cohort, round));
  }
  const random = randomStream(deriveSeed(seed, purposes.cohort, round), 0);
  const chosen = new Set<number>();
  // A fleet that sleeps gives a smaller cohort; looking forever would not wake it.
  for (let tries = 0; chosen.size < wanted && tries < 50 * wanted; tries += 1) {
    const client = below(random, fleet);
    if (!chosen.has(client) && uniform01(random) < model.availability(client, seconds)) chosen.add(client);
  }
  return Uint32Array.from(chosen).sort();
}

/** All of them, or what a straggler manages. */
function epochsOf({ devices, epochs }: ScheduleSettings, seed: number): number {
  const stragglers = devices?.stragglers ?? null;
  if (stragglers === null) return epochs;
  const random = randomStream(seed, 0);
  if (uniform01(random) >= stragglers.share) return epochs;
  return stragglers.epochsMinimum + below(random, epochs - stragglers.epochsMinimum);
}

type Fate = 'done' | LostStage;

function fateOf({ dropout }: DeviceSettings, seed: number): Fate {
  const random = randomStream(seed, 0);
  for (const stage of ['selected', 'training', 'upload'] as const) {
    if (uniform01(random) < dropout[stage]) return stage;
  }
  return 'done';
}

interface Running {
  readonly client: number;
  readonly epochs: number;
  readonly version: number;
  readonly at: number;
  readonly lost: boolean;
  readonly order: number;
}

/**
 * Asynchronous work (Nguyen et al. 2022): `concurrency` devices train at any time, each from the newest checkpoint as it
 * starts; every `buffer` updates are a commit.
 */
export function* asynchronousSchedule(
  settings: ScheduleSettings & { readonly devices: DeviceSettings; readonly model: DeviceModel },
  buffer: number,
): Generator<ScheduledRound> {
  const { seed, fleet, devices, model } = settings;
  const random = randomStream(deriveSeed(seed, purposes.schedule), 0);
  const running: Running[] = [];
  const busy = new Set<number>();
  let round = 0;
  let order = 0;
  let selected = 0;
  let lost = 0;
  let downloadBytes = 0;
  let uploadBytes = 0;
  let arrived: ScheduledUpdate[] = [];

  const start = (seconds: number): void => {
    let client = below(random, fleet);
    for (
      let tries = 0;
      busy.has(client) || uniform01(random) >= model.availability(client, seconds);
      tries += 1
    ) {
      if (tries >= 1000) break;
      client = below(random, fleet);
    }
    if (busy.has(client)) return;
    busy.add(client);
    selected += 1;
    const epochs = epochsOf(settings, deriveSeed(seed, purposes.stragglers, order, client));
    const update = settings.updateOf(client, epochs);
    const times = model.times(client, update);
    const fate = fateOf(devices, deriveSeed(seed, purposes.dropout, order, client));
    downloadBytes += fate === 'selected' ? 0 : update.downloadBytes;
    uploadBytes += fate === 'done' ? update.uploadBytes : fate === 'upload' ? update.uploadBytes / 2 : 0;
    const at = seconds + times.download + times.training + times.upload;
    const counts = fate === 'done' && (epochs === settings.epochs || devices.stragglers?.send === 'partial');
    running.push({ client, epochs, version: round, at, lost: !counts, order });
    order += 1;
  };
  for (let at = 0; at < Math.min(devices.concurrency, fleet); at += 1) start(0);
  while (running.length > 0) {
    let first = 0;
    for (let at = 1; at < running.length; at += 1) {
      const [a, b] = [running[at], running[first]];
      if (a.at < b.at || (a.at === b.at && a.order < b.order)) first = at;
    }
    const [done] = running.splice(first, 1);
    busy.delete(done.client);
    if (done.lost) lost += 1;
    else arrived.push({ client: done.client, version: done.version, epochs: done.epochs });
    const commits = arrived.length >= buffer;
    if (commits) {
      const updates = arrived;
      arrived = [];
      round += 1;
      start(done.at);
      const oldestLive = running.reduce((oldest, { version }) => Math.min(oldest, version), round);
      yield {
        round: round - 1,
        updates,
        selected,
        lost,
        seconds: done.at,
        oldestLive,
        downloadBytes,
        uploadBytes,
      };
      selected = 0;
      lost = 0;
      downloadBytes = 0;
      uploadBytes = 0;
    } else {
      start(done.at);
    }
  }
}
