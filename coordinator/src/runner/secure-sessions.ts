/** The secure sessions of one run's attempts, opened when somebody first speaks in them. */
import { nodeSuite, secureRoundOf, type TrustCertificate } from '@starling/federation';
import { CoordinatorError, refusal } from '../errors.js';
import { describeRound, type RoundKey, sameRound } from '../ids.js';
import type { Log } from '../log.js';
import { createSecureSession, type SecureSession } from '../secure-exchange/index.js';
import type { Store } from '../storage/index.js';
import { type PreparedTask, secureSettingsOf } from './prepared-task.js';
import { findRound } from './rounds-in-memory.js';
import type { RunActor } from './run-actor.js';
import { type Request, requestOf } from './work.js';

export interface SecureSessions {
  /** Throws `ROUND_UNKNOWN`, `ROUND_OVER`, and `ROUND_NOT_SECURE` where nothing is said in the attempt. */
  of(key: RoundKey): Promise<SecureSession>;
  forget(key: RoundKey): void;
}

export interface SecureSessionsOptions {
  readonly actor: RunActor;
  readonly task: PreparedTask;
  readonly store: Store;
  readonly now: () => number;
  readonly log: Log;
  readonly trust: TrustCertificate;
  /** What devices sign for with their keys, of what is asked of all of them: 32 bytes. */
  readonly requestHash: (request: Request) => Uint8Array;
}

export function createSecureSessions(options: SecureSessionsOptions): SecureSessions {
  const { actor, task, store, now, log, trust } = options;
  const sessions = new Map<string, Promise<SecureSession>>();

  const open = async (key: RoundKey): Promise<SecureSession> => {
    const round = findRound(actor, key);
    const settings = secureSettingsOf(task, round);
    if (settings === null || !('cohort' in round)) throw new CoordinatorError(notSecure(key));
    const hashes = {
      planHash: Buffer.from(task.planManifest.sha256, 'hex'),
      requestHash: options.requestHash(requestOf(task, actor.state().started.seed, round)),
    };
    return createSecureSession({
      key,
      secureRound: secureRoundOf(settings, key, hashes),
      round: () => actor.rounds().find((each) => sameRound(each.started.key, key)),
      stored: await store.messages.load(key),
      verifier: { trust, suite: nodeSuite },
      exclusive: (job) =>
        actor.exclusive((apply) =>
          job(async (stage, devices, suffices, messages) => {
            const command = { kind: 'answer', nowMs: now(), stage, devices, suffices } as const;
            const decision = await apply(command, messages);
            if (decision.kind === 'refused') throw new CoordinatorError(decision.refusal);
          }),
        ),
      onFailure: (error) => log.error({ err: error, ...key }, 'what devices said could not be stored'),
    });
  };

  return {
    of(key) {
      const name = `${key.round}-${key.attempt}`;
      const known = sessions.get(name);
      if (known !== undefined) return known;
      const session = open(key);
      sessions.set(name, session);
      session.catch(() => sessions.delete(name));
      return session;
    },
    forget(key) {
      sessions.delete(`${key.round}-${key.attempt}`);
    },
  };
}

function notSecure(key: RoundKey) {
  return refusal(
    'failed-precondition',
    'ROUND_NOT_SECURE',
    `${describeRound(key)} exchanges no keys: its task sends updates in the clear, or its cohort is still gathering.`,
    'Do what the assignment says.',
  );
}
