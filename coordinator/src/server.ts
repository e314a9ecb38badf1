/** The coordinator as a whole: takes its folder, listens, and closes in order. */
import { join } from 'node:path';
import type { Clock, Entropy } from '@starling/federation';
import { createServer } from '@starling/proto';
import { createSystemClock, createSystemEntropy } from './adapters/index.js';
import { makeNamedFolder } from './artifacts/index.js';
import { openCoordinator } from './coordinator.js';
import type { Listening } from './identity/index.js';
import { type CoordinatorLimits, defaultLimits } from './limits.js';
import { createLog, type Log } from './log.js';
import { lockFolder } from './storage/index.js';
import type { TelemetryTransport } from './telemetry/index.js';

export interface CoordinatorOptions {
  /** Everything the coordinator remembers; made where it does not exist. */
  readonly folder: string;
  /** The authority's folder, made at the first start; `authority` in the coordinator's folder unless told. */
  readonly authorityFolder?: string | undefined;
  /** Names and addresses for its certificate, for clients that check them; ours check the authority. */
  readonly names?: readonly string[];
  /** How long devices' certificates last, in milliseconds; 90 days unless told. */
  readonly deviceLifetimeMs?: number;
  /** Address to listen on; `127.0.0.1` unless told. */
  readonly host?: string;
  /** 0, or left out, takes any free port. */
  readonly port?: number;
  /** How devices' telemetry comes; over the broker within the coordinator, on any free port, unless told. */
  readonly telemetry?: TelemetryTransport;
  readonly log?: Log;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
  readonly limits?: Partial<CoordinatorLimits>;
}

export interface Coordinator {
  readonly address: { readonly host: string; readonly port: number };
  /** PEM; what clients pin. */
  readonly authority: string;
  /** Where the operators' token was written; `undefined` where it was made at an earlier start. */
  readonly adminTokenMadeAt: string | undefined;
  /** Answers held check-ins, lets started work become durable, and frees the folder. */
  close(): Promise<void>;
}

/** How long calls may take to end by themselves when the coordinator closes. */
const closeGraceMs = 2_000;

/**
 * Starts a coordinator. Rejects with `FOLDER_IN_USE` where another one uses the folder, `FOLDER_UNUSABLE` where there
 * can be none, `ADDRESS_UNAVAILABLE` where it cannot listen.
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { folder, host = '127.0.0.1', port = 0, log = createLog('info') } = options;
  const { clock = createSystemClock(), entropy = createSystemEntropy() } = options;
  await makeNamedFolder(folder, 0o700);
  const lock = lockFolder(join(folder, 'lock'), folder);
  try {
    const server = createServer();
    const opened = await openCoordinator({
      folder,
      authorityFolder: options.authorityFolder,
      names: options.names ?? [],
      deviceLifetimeMs: options.deviceLifetimeMs,
      host,
      telemetry: options.telemetry ?? { kind: 'embedded-broker', port: 0 },
      log,
      clock,
      entropy,
      limits: { ...defaultLimits, ...options.limits },
      server,
    });
    const { identity } = opened;
    const listening = await identity.listen(server, host, port).catch(async (error: unknown) => {
      opened.stopServing();
      await opened.close();
      throw error;
    });
    log.info({ host, port: listening.port, folder }, 'coordinator serves');
    const { adminTokenMadeAt } = identity;
    if (adminTokenMadeAt !== undefined)
      log.info({ file: adminTokenMadeAt }, 'the token for operators was made');
    const closeOnce = async (): Promise<void> => {
      listening.close();
      opened.stopServing();
      await shutDown(server, listening, clock);
      await opened.close();
      lock.release();
    };
    let closing: Promise<void> | undefined;
    return {
      address: { host, port: listening.port },
      authority: identity.authority.certificate,
      adminTokenMadeAt,
      close() {
        closing ??= closeOnce();
        return closing;
      },
    };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Lets running calls end, and cuts off what has not ended after the grace. */
function shutDown(
  server: ReturnType<typeof createServer>,
  listening: Pick<Listening, 'cutOff'>,
  clock: Clock,
): Promise<void> {
  return new Promise((resolve) => {
    const forced = clock.schedule(closeGraceMs, () => {
      server.forceShutdown();
      listening.cutOff();
    });
    server.tryShutdown(() => {
      forced.cancel();
      resolve();
    });
  });
}
