/**
 * Identifiers as branded strings: asserted once where they enter (wire, store, command line), trusted inside.
 * A plain string does not compile where one of these is wanted.
 */
declare const brand: unique symbol;

export type RunId = string & { readonly [brand]: 'RunId' };
export type DeviceId = string & { readonly [brand]: 'DeviceId' };
export type TaskName = string & { readonly [brand]: 'TaskName' };
/** SHA-256 of a content, 64 lower-case hexadecimal digits. */
export type Sha256 = string & { readonly [brand]: 'Sha256' };

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const devicePattern = /^[A-Za-z0-9._-]{1,64}$/;
const sha256Pattern = /^[0-9a-f]{64}$/;

// The casts below are the only places where a string becomes an identifier, each right after its check.

/** Gives `undefined` where `text` is not a run id: 1 to 64 characters of `[A-Za-z0-9._-]`, the first a letter or digit. */
export function parseRunId(text: string): RunId | undefined {
  return namePattern.test(text) ? (text as RunId) : undefined;
}

/** Gives `undefined` where `text` is not a task name; the same characters as a run id. */
export function parseTaskName(text: string): TaskName | undefined {
  return namePattern.test(text) ? (text as TaskName) : undefined;
}

/** Gives `undefined` where `text` is not a device id, or is a name that a file system reads as a folder. */
export function parseDeviceId(text: string): DeviceId | undefined {
  return devicePattern.test(text) && text !== '.' && text !== '..' ? (text as DeviceId) : undefined;
}

/** Gives `undefined` where `text` is not 64 lower-case hexadecimal digits. */
export function parseSha256(text: string): Sha256 | undefined {
  return sha256Pattern.test(text) ? (text as Sha256) : undefined;
}

/** Names an artifact: its hash and its length in bytes. */
export interface ArtifactRef {
  readonly sha256: Sha256;
  readonly sizeBytes: number;
}

/** One attempt at one round of one run; `round` and `attempt` count from 1. */
export interface RoundKey {
  readonly runId: RunId;
  readonly round: number;
  readonly attempt: number;
}

export function sameRound(a: RoundKey, b: RoundKey): boolean {
  return a.runId === b.runId && a.round === b.round && a.attempt === b.attempt;
}

/** `round 3, attempt 1 of run mnist-1`, for sentences. */
export function describeRound(key: RoundKey): string {
  return `round ${key.round}, attempt ${key.attempt} of run ${key.runId}`;
}
