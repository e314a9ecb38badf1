/** What the coordinator remembers, as ports: the machines and drivers know these and no database. */
import type { AnalyticsQuery, AnalyticsResult } from '@starling/federation';
import type { ArtifactRef, DeviceId, RoundKey, RunId, Sha256, TaskName } from '../ids.js';
import type { LedgerStore, RoundPrivacy } from '../privacy/index.js';
import type { ReleaseStore } from '../releases/index.js';
import type { ExchangeStage } from '../rounds/index.js';
import type { Metric, Recorded, RunEvent, RunState } from '../runs/index.js';

/** A version of a task as it was applied. */
export interface StoredTask {
  readonly name: TaskName;
  readonly version: number;
  /** Canonical JSON. */
  readonly definitionJson: string;
  readonly planManifest: ArtifactRef;
  readonly parameterCount: number;
  readonly updatedAtMs: number;
  readonly signature: OwnerSignature;
}

/** The task owner's, over the compiled plan. */
export interface OwnerSignature {
  /** 32 bytes. */
  readonly ownerKey: Uint8Array;
  /** 64 bytes. */
  readonly signature: Uint8Array;
  /** Canonical JSON. */
  readonly termsJson: string;
}

/** A run at a glance: what its events come to, kept beside them so that listing needs no folding. */
export interface RunSummary {
  readonly runId: RunId;
  readonly taskName: TaskName;
  readonly taskVersion: number;
  readonly state: RunState['kind'];
  readonly reason: string;
  readonly roundsCommitted: number;
  readonly roundsTarget: number;
  readonly startedAtMs: number;
  /** 0 while it runs. */
  readonly endedAtMs: number;
  readonly checkpoint: ArtifactRef;
  readonly metrics: readonly Metric[];
  readonly bytesUploaded: number;
  readonly bytesDownloaded: number;
  /** What its newest private round promised; `null` for none. */
  readonly privacy: RoundPrivacy | null;
  /** What a run of analytics asks, and its answer once it is there; `null` where the run trains. */
  readonly analytics: { readonly query: AnalyticsQuery; readonly result: AnalyticsResult | null } | null;
}

export interface StoredDevice {
  readonly deviceId: DeviceId;
  readonly firstSeenMs: number;
  readonly lastSeenMs: number;
  readonly agentVersion: string;
}

export type ArtifactPurpose = 'plan' | 'checkpoint' | 'strategy-state' | 'model' | 'release';

export interface StoredArtifact extends ArtifactRef {
  readonly purpose: ArtifactPurpose;
  readonly createdAtMs: number;
}

export interface EventLog {
  /**
   * Stores events, the summary they lead to and the messages they speak of in one transaction; durable when the promise resolves. Rejects where
   * `afterSequence` is not the run's last one: somebody else wrote in between.
   */
  append(
    runId: RunId,
    afterSequence: number,
    events: readonly RunEvent[],
    summary: RunSummary,
    messages?: readonly ExchangeMessage[],
  ): Promise<void>;
  /** Events after `afterSequence`, in order, at most `limit`. */
  read(runId: RunId, afterSequence: number, limit: number): Promise<readonly Recorded[]>;
}

/** What a device said in a stage of secure aggregation, as it came over the wire. */
export interface ExchangeMessage {
  readonly key: RoundKey;
  readonly stage: ExchangeStage;
  readonly deviceId: DeviceId;
  readonly body: Uint8Array;
}

/** Messages of attempts that go on; they are forgotten when an attempt ends. Written with the events that name them. */
export interface ExchangeMessageStore {
  load(key: RoundKey): Promise<readonly ExchangeMessage[]>;
  remove(key: RoundKey): Promise<void>;
  /** Forgets the messages of all attempts but these: what a crash left. */
  keepOnly(keys: readonly RoundKey[]): Promise<void>;
}

export interface RunStore {
  find(runId: RunId): Promise<RunSummary | undefined>;
  /** Newest first. */
  list(taskName?: TaskName): Promise<readonly RunSummary[]>;
}

export interface TaskStore {
  /** Stores a version; a version is never changed afterwards. */
  add(task: StoredTask): Promise<void>;
  newest(name: TaskName): Promise<StoredTask | undefined>;
  version(name: TaskName, version: number): Promise<StoredTask | undefined>;
  /** The newest version of every task, by name. */
  list(): Promise<readonly StoredTask[]>;
}

export interface DeviceStore {
  /** Inserts or updates; the first time seen is kept. */
  upsert(devices: readonly StoredDevice[]): Promise<void>;
  list(): Promise<readonly StoredDevice[]>;
}

export interface ArtifactIndex {
  add(artifact: StoredArtifact): Promise<void>;
  find(sha256: Sha256): Promise<StoredArtifact | undefined>;
  list(): Promise<readonly StoredArtifact[]>;
  remove(hashes: readonly Sha256[]): Promise<void>;
}

/** A token that lets devices enrol; its secret is known by its hash alone. */
export interface StoredToken {
  readonly tokenId: string;
  /** Lower-case hexadecimal. */
  readonly secretSha256: string;
  readonly group: string;
  /** The one device it is for; `null` where any new device may use it. */
  readonly deviceId: DeviceId | null;
  readonly usesMax: number;
  readonly uses: number;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
}

/** An enrolled device. */
export interface StoredIdentity {
  readonly deviceId: DeviceId;
  readonly group: string;
  readonly state: 'pending' | 'active' | 'revoked';
  /** Of the only public key that speaks for the device, lower-case hexadecimal. */
  readonly keySha256: string;
  /** The token it enrolled with. */
  readonly tokenId: string;
  readonly enrolledAtMs: number;
  /** The newest certificate, DER. */
  readonly certificate: Uint8Array | null;
  /** 0 where there is no certificate. */
  readonly certificateEndsAtMs: number;
  /** PKCS#10, DER, that waits for the authority's key. */
  readonly request: Uint8Array | null;
  readonly requestedAtMs: number;
  /** 0 where it is not revoked. */
  readonly revokedAtMs: number;
  readonly revocationReason: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** What the coordinator must know of a device for each call. */
export type IdentityStanding = Pick<StoredIdentity, 'deviceId' | 'state' | 'keySha256'>;

export interface IdentityStore {
  addToken(token: StoredToken): Promise<void>;
  findToken(tokenId: string): Promise<StoredToken | undefined>;
  /** Newest first. */
  listTokens(): Promise<readonly StoredToken[]>;
  removeToken(tokenId: string): Promise<boolean>;
  /** Stores an identity and, in the same transaction, one more use of the token it enrolled with. */
  enrol(identity: StoredIdentity, usedTokenId: string | null): Promise<void>;
  put(identity: StoredIdentity): Promise<void>;
  find(deviceId: DeviceId): Promise<StoredIdentity | undefined>;
  /** By device id. */
  list(): Promise<readonly StoredIdentity[]>;
  standings(): Promise<readonly IdentityStanding[]>;
}

export interface Store {
  readonly identities: IdentityStore;
  readonly events: EventLog;
  readonly messages: ExchangeMessageStore;
  readonly runs: RunStore;
  readonly tasks: TaskStore;
  readonly devices: DeviceStore;
  readonly ledgers: LedgerStore;
  readonly artifacts: ArtifactIndex;
  readonly releases: ReleaseStore;
  close(): Promise<void>;
}
