/** Drives one run: time and arrivals in, events stored by its actor, effects out. */
import {
  type Clock,
  type Entropy,
  type Scheduled,
  StrategyError,
  type TrustCertificate,
} from '@starling/federation';
import type { RoundSums, Spool } from '../aggregation/index.js';
import type { ArtifactStore } from '../artifacts/index.js';
import type { Pool } from '../check-in/pool.js';
import { CoordinatorError } from '../errors.js';
import type { CentralEvaluator } from '../evaluation/index.js';
import { type ArtifactRef, type DeviceId, type RoundKey, sameRound } from '../ids.js';
import type { Log } from '../log.js';
import type { Ledgers } from '../privacy/index.js';
import {
  type AbandonCode,
  type Aggregating,
  decideRound,
  type FailureReason,
  isLive,
  type LiveRound,
  wakeAtMs,
} from '../rounds/index.js';
import {
  liveRound,
  type Recorded,
  type RunEffect,
  type RunEvent,
  recoverRun,
  roundToPayFor,
} from '../runs/index.js';
import type { SecureSession } from '../secure-exchange/index.js';
import type { Store } from '../storage/index.js';
import { createBackground } from './background.js';
import { findCandidates } from './candidates.js';
import { createIntake, type Intake } from './intake.js';
import { logEvents } from './log-events.js';
import { makeRoundCheckpoint, openSumOf } from './make-checkpoint.js';
import type { PreparedTask } from './prepared-task.js';
import { findRound } from './rounds-in-memory.js';
import { type Apply, createRunActor, type RunActor } from './run-actor.js';
import type { RunNotices } from './run-watch.js';
import { createSecureSessions } from './secure-sessions.js';
import type { Traffic } from './traffic.js';
import { createUnfitDevices } from './unfit-devices.js';
import { type Request, workOf } from './work.js';

export interface RunDriver {
  readonly actor: RunActor;
  readonly task: PreparedTask;
  liveRound(): LiveRound | undefined;
  /** Looks again whether something follows: somebody came, time passed. */
  poke(): void;
  intake(key: RoundKey): Intake;
  /** What is said in a securely aggregated attempt. */
  session(key: RoundKey): Promise<SecureSession>;
  failDevice(key: RoundKey, deviceId: DeviceId, reason: FailureReason, message: string): Promise<void>;
  /** Carries out again what a crash may have interrupted, and goes on. */
  recover(): Promise<void>;
  close(): Promise<void>;
}

/** What all runs of a coordinator have in common. */
export interface RunServices {
  readonly store: Store;
  readonly artifacts: ArtifactStore;
  readonly spool: Spool;
  readonly sums: RoundSums;
  readonly pool: Pool;
  readonly evaluator: CentralEvaluator;
  readonly traffic: Traffic;
  /** Who the fleet's authority certified. */
  readonly trust: TrustCertificate;
  /** See `SecureSessionsOptions`. */
  readonly requestHash: (request: Request) => Uint8Array;
  readonly notices: RunNotices;
  readonly ledgers: Ledgers;
  /** Of the noise; no seed decides it, or whoever knew the seed could take it off again. */
  readonly entropy: Entropy;
  readonly clock: Clock;
  readonly log: Log;
}

export interface RunDriverOptions extends RunServices {
  readonly recorded: readonly Recorded[];
  readonly task: PreparedTask;
  readonly now: () => number;
  readonly onEnded: () => void;
}

export function createRunDriver(options: RunDriverOptions): RunDriver {
  const { task, store, artifacts, spool, sums, pool, now, log } = options;
  const background = createBackground(options.clock, log, () => actor.state().started.runId);
  const intakes = new Map<string, Intake>();
  const unfit = createUnfitDevices();
  unfit.note(options.recorded.map(({ event }) => event));
  let wake: Scheduled | undefined;
  let poked = false;

  const perform = (effect: RunEffect): void => {
    const again = (): void => perform(effect);
    switch (effect.kind) {
      case 'assign':
        assign(effect.devices);
        break;
      case 'aggregate':
        background.run('aggregation', () => aggregate(effect.key), again);
        break;
      case 'release':
        background.run('clean-up', () => release(effect.key));
        break;
      case 'evaluate-centrally':
        background.run('central evaluation', () => evaluate(effect.round, effect.checkpoint), again);
        break;
    }
  };

  const onEvents = (events: readonly RunEvent[]): void => {
    logEvents(log, actor.state(), events);
    unfit.note(events);
    options.notices.notify(actor.state().started.runId);
    if (events.some((event) => event.kind === 'run-ended')) options.onEnded();
    poke();
  };

  const actor = createRunActor({ recorded: options.recorded, store, perform, onEvents });

  const sessions = createSecureSessions({
    ...{ actor, task, store, now, log },
    trust: options.trust,
    requestHash: options.requestHash,
  });

  const poke = (): void => {
    if (poked || background.isClosing) return;
    poked = true;
    background.run('advancing the run', () => actor.exclusive(advance), poke);
  };

  /** Applies `advance` until nothing follows from it any more, then sleeps until the next deadline. */
  const advance = async (apply: Apply): Promise<void> => {
    poked = false;
    wake?.cancel();
    if (background.isClosing || actor.state().kind !== 'running') return;
    const { devices, lastArrivalAtMs, expected } = findCandidates(actor, task, pool, unfit, now());
    const payment = await payForNextRound();
    if (background.isClosing) return;
    const command = {
      kind: 'advance',
      nowMs: now(),
      candidates: devices,
      expected,
      lastArrivalAtMs,
      ...(payment && { payment }),
    } as const;
    const decision = await apply(command);
    if (decision.kind === 'refused' || decision.events.length > 0) return;
    const round = liveRound(actor.state());
    const atMs = round === undefined ? undefined : wakeAtMs(round, command.nowMs, lastArrivalAtMs);
    if (atMs !== undefined) wake = options.clock.schedule(atMs - now(), poke);
  };

  /** A private round spends before it starts: what was paid for and never started stays paid. */
  const payForNextRound = async () => {
    const { settings } = actor.state().started;
    const key = roundToPayFor(actor.state());
    if (key === undefined || settings.privacy === null) return undefined;
    return options.ledgers.pay(task.name, settings.privacy, key);
  };

  const assign = (devices: readonly DeviceId[]): void => {
    const { round, started } = actor.state();
    if (round?.stage !== 'collect' && round?.stage !== 'advertise-keys') return;
    for (const deviceId of devices) pool.deliver(deviceId, workOf(task, started.seed, round, deviceId));
  };

  const aggregate = (key: RoundKey): Promise<void> =>
    actor.exclusive(async (apply) => {
      const round = liveRound(actor.state());
      if (round?.stage !== 'aggregate' || !sameRound(round.started.key, key)) return;
      // Nothing more is folded, and what was is read from disk: two sums of a large model need not be in memory.
      intakes.delete(attemptOf(key));
      try {
        const made = await makeCheckpoint(round);
        const hashes = [...task.planArtifacts, round.started.checkpoint].map(({ sha256 }) => sha256);
        const bytesDownloaded = options.traffic.take(new Set(hashes));
        await apply({ kind: 'commit', nowMs: now(), ...made, bytesDownloaded });
      } catch (error) {
        if (background.isClosing) throw error;
        log.error({ err: error, ...key }, 'the aggregate could not be made');
        const code = abandonCodeOf(error);
        const reason = `The aggregate could not be made: ${error instanceof Error ? error.message : String(error)}.`;
        await apply({ kind: 'abandon', nowMs: now(), code, reason });
      }
    });

  const makeCheckpoint = (round: Aggregating) =>
    makeRoundCheckpoint(round, actor.state(), {
      task,
      artifacts,
      sums,
      entropy: options.entropy,
      protocolsOf: async (key) => (await sessions.of(key)).groupsAt(round),
    });

  const release = async (key: RoundKey): Promise<void> => {
    intakes.delete(attemptOf(key));
    sessions.forget(key);
    await store.messages.remove(key);
    await spool.removeRound(key);
    await sums.prune(key, null);
  };

  const evaluate = async (round: number, checkpoint: ArtifactRef): Promise<void> => {
    try {
      const metrics = await options.evaluator.evaluate(task, checkpoint, background.signal);
      await actor.submit({ kind: 'measured-centrally', nowMs: now(), round, metrics });
    } catch (error) {
      if (background.isClosing) return;
      log.error({ err: error, round }, 'central evaluation failed');
      const reason = error instanceof Error ? error.message : String(error);
      await actor.submit({ kind: 'central-evaluation-failed', nowMs: now(), round, reason });
    }
  };

  return {
    actor,
    task,
    poke,
    liveRound: () => (actor.state().kind === 'running' ? liveRound(actor.state()) : undefined),

    intake(key) {
      const known = intakes.get(attemptOf(key));
      if (known !== undefined) return known;
      const intake = createIntake({
        key,
        actor,
        now,
        openSum: (partialSum) => openSumOf(sums, task, findRound(actor, key), partialSum),
        pruneSums: (kept) => sums.prune(key, kept),
        onFailure: (error) => log.error({ err: error, ...key }, 'an update could not be counted'),
      });
      intakes.set(attemptOf(key), intake);
      return intake;
    },

    session: (key) => sessions.of(key),

    failDevice: (key, deviceId, reason, message) =>
      actor.exclusive(async (apply) => {
        const round = findRound(actor, key);
        const command = { kind: 'fail-device', nowMs: now(), deviceId, reason, message } as const;
        // A report about an attempt that is over changes nothing, but an unknown device is told so.
        const current = actor.state().round === round && actor.state().kind === 'running';
        const decision = current ? await apply(command) : decideRound(round, command);
        if (decision.kind === 'refused') throw new CoordinatorError(decision.refusal);
      }),

    async recover() {
      const { round, kind } = actor.state();
      if (
        kind === 'running' &&
        round !== null &&
        isLive(round) &&
        'partialSum' in round &&
        round.partialSum
      ) {
        try {
          await openSumOf(sums, task, round, round.partialSum);
        } catch (error) {
          log.error({ err: error, ...round.started.key }, 'the partial sum is lost');
          const reason = 'The partial sum of the counted updates cannot be read any more.';
          await actor.submit({ kind: 'abandon', nowMs: now(), code: 'STATE_LOST', reason });
        }
      }
      for (const effect of recoverRun(actor.state())) perform(effect);
      poke();
    },

    async close() {
      background.stop();
      wake?.cancel();
      await actor.settled();
      await background.settled();
    },
  };
}

function attemptOf(key: RoundKey): string {
  return `${key.round}-${key.attempt}`;
}

function abandonCodeOf(error: unknown): AbandonCode {
  if (error instanceof StrategyError) return 'AGGREGATION_FAILED';
  const isRefusal = error instanceof CoordinatorError && error.refusal.code === 'SECURE_AGGREGATION_FAILED';
  return isRefusal ? 'SECURE_AGGREGATION_FAILED' : 'STATE_LOST';
}
