/** All of identity, opened from a coordinator's folder. */
import { join } from 'node:path';
import type { Clock, Entropy } from '@starling/federation';
import { listenSecurely, listenTls, type TlsIdentity, type TlsPeer } from '@starling/proto';
import { CoordinatorError, refusal } from '../errors.js';
import { createSerialQueue, type SerialQueue } from '../serial-queue.js';
import type { IdentityStore } from '../storage/index.js';
import { openAdminToken } from './admin-token.js';
import type { Authority } from './authority.js';
import { type AuthorityFolder, initAuthorityFolder, openAuthorityFolder } from './authority-folder.js';
import { createEnrolment, type Enrolment } from './enrolment.js';
import { createGate, type Gate } from './gate.js';
import { deviceLifetimeMs } from './lifetimes.js';
import { openServerIdentity } from './server-identity.js';
import { openStandings, type Standings } from './standings.js';

export interface IdentityOptions {
  /** The coordinator's. */
  readonly folder: string;
  /** One that was brought along; else `authority` in the coordinator's folder, made where it is not there. */
  readonly authorityFolder: string | undefined;
  /** Further names and addresses for the coordinator's certificate. */
  readonly names: readonly string[];
  /** How long devices' certificates last; 90 days unless told. */
  readonly deviceLifetimeMs: number | undefined;
  readonly identities: IdentityStore;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly onError: (error: unknown, what: string) => void;
}

export interface Identity {
  readonly authority: Authority;
  /** Where the operators' token was written; `undefined` where it was made at an earlier start. */
  readonly adminTokenMadeAt: string | undefined;
  readonly gate: Gate;
  readonly standings: Standings;
  readonly enrolment: Enrolment;
  /** Every change of an identity goes through it. */
  readonly changes: SerialQueue;
  /** Takes connections for `server`; gives the port. Rejects with ADDRESS_UNAVAILABLE. */
  listen(server: Parameters<typeof listenSecurely>[0], host: string, port: number): Promise<Listening>;
  /** Calls come over something else than `listen`, which knows by their addresses who makes them. */
  knowPeersBy(peerAt: (address: string) => TlsPeer | undefined): void;
  /** Takes TLS connections of another protocol, with the same certificate. Rejects with ADDRESS_UNAVAILABLE. */
  listenTls(onConnection: Parameters<typeof listenTls>[1], host: string, port: number): Promise<Listening>;
  /** What the coordinator shows, as a server and as a client: the newest one. */
  own(): TlsIdentity;
}

export interface Listening {
  readonly port: number;
  close(): void;
  /** Ends the connections that are open still. */
  cutOff(): void;
}

/** Rejects with AUTHORITY_MISSING, AUTHORITY_INVALID, KEY_FILE_EXPOSED. */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { folder, identities, clock, entropy, onError } = options;
  const authority = await openOrMakeAuthority(options);
  const adminToken = await openAdminToken(folder, entropy);
  const standings = await openStandings(identities);
  const names = ['localhost', '127.0.0.1', '::1', ...options.names];
  const identity = await openServerIdentity(authority, names, clock);
  const changes = createSerialQueue();
  let peerAt: Parameters<typeof createGate>[0]['peerAt'] = () => undefined;
  const gate = createGate({ standings, adminToken, peerAt: (address) => peerAt(address), clock });
  let own = identity.first;
  const onRenewed = new Set<(next: TlsIdentity) => void>();
  const stopRenewal = identity.keepRenewed(
    (next) => {
      own = next;
      for (const renew of onRenewed) renew(next);
    },
    (error) => onError(error, 'the coordinator’s certificate could not be renewed'),
  );
  /** Shows each listener's new connections the newest certificate. */
  const follow = (listener: {
    readonly port: number;
    renew(next: TlsIdentity): void;
    close(): void;
    cutOff(): void;
  }): Listening => {
    const renew = (next: TlsIdentity): void => listener.renew(next);
    onRenewed.add(renew);
    return {
      port: listener.port,
      close() {
        onRenewed.delete(renew);
        if (onRenewed.size === 0) stopRenewal();
        listener.close();
      },
      cutOff: () => listener.cutOff(),
    };
  };
  const { certificate } = authority.authority;
  return {
    authority: authority.authority,
    adminTokenMadeAt: adminToken.madeAt,
    gate,
    standings,
    changes,
    enrolment: createEnrolment({
      identities,
      standings,
      authority,
      changes,
      deviceLifetimeMs: options.deviceLifetimeMs ?? deviceLifetimeMs,
      now: () => clock.now(),
    }),
    async listen(server, host, port) {
      const listener = await listenSecurely(server, { host, port, authority: certificate, identity: own });
      peerAt = (address) => listener.peerAt(address);
      return follow(listener);
    },
    knowPeersBy(known) {
      peerAt = known;
    },
    listenTls: async (onConnection, host, port) =>
      follow(await listenTls({ host, port, authority: certificate, identity: own }, onConnection)),
    own: () => own,
  };
}

async function openOrMakeAuthority(options: IdentityOptions): Promise<AuthorityFolder> {
  const { authorityFolder, entropy, clock } = options;
  const folder = authorityFolder ?? join(options.folder, 'authority');
  const opened = await openAuthorityFolder(folder, entropy);
  if (opened !== undefined) return opened;
  if (authorityFolder !== undefined) {
    throw new CoordinatorError(
      refusal(
        'not-found',
        'AUTHORITY_MISSING',
        `There is no authority in ${folder}.`,
        'Make one with "starling authority init", or leave --authority out.',
      ),
    );
  }
  return { kind: 'signing', authority: await initAuthorityFolder(folder, entropy, clock.now()) };
}
