/** Inputs from the network are bounded and become trusted types here, before anything else looks at them. */
import type * as wire from '@starling/proto';
import { requireField } from '@starling/proto';
import { assert, CoordinatorError, refusal } from '../errors.js';
import { identityMismatch } from '../identity/index.js';
import {
  type DeviceId,
  parseDeviceId,
  parseRunId,
  parseSha256,
  parseTaskName,
  type RoundKey,
  type RunId,
  type Sha256,
  type TaskName,
} from '../ids.js';
import type { MetricSums } from '../rounds/index.js';

const metricsMax = 64;
const metricNamePattern = /^[A-Za-z][A-Za-z0-9]{0,63}$/;

export function invalid(code: string, message: string, remedy: string): CoordinatorError {
  return new CoordinatorError(refusal('invalid-argument', code, message, remedy));
}

/** Throws `DEVICE_ID_INVALID`. */
export function deviceIdOf(text: string): DeviceId {
  const deviceId = parseDeviceId(text);
  if (deviceId !== undefined) return deviceId;
  throw invalid(
    'DEVICE_ID_INVALID',
    `${quote(text)} is not a device id.`,
    'Use 1 to 64 characters of A-Z, a-z, 0-9, ".", "_" and "-".',
  );
}

/** The device that makes a call. Throws `DEVICE_IDENTITY_MISMATCH` where its message names another one. */
export function callingDevice(claimed: string, { caller }: wire.CallContext): DeviceId {
  const proven = callerOf(caller);
  if (claimed !== proven) throw identityMismatch(proven, claimed);
  return proven;
}

/** Services of devices admit nobody else; their gate saw to it. */
export function callerOf(caller: wire.Caller): DeviceId {
  assert(caller.kind === 'device', 'the service admits devices only');
  return deviceIdOf(caller.deviceId);
}

/** Throws `RUN_ID_INVALID`. */
export function runIdOf(text: string): RunId {
  const runId = parseRunId(text);
  if (runId !== undefined) return runId;
  throw invalid('RUN_ID_INVALID', `${quote(text)} is not a run id.`, 'List the runs to see their ids.');
}

/** Throws `TASK_NAME_INVALID`. */
export function taskNameOf(text: string): TaskName {
  const name = parseTaskName(text);
  if (name !== undefined) return name;
  throw invalid(
    'TASK_NAME_INVALID',
    `${quote(text)} is not a task name.`,
    'List the tasks to see their names.',
  );
}

/** Throws `FIELD_MISSING`, `RUN_ID_INVALID` or `ROUND_KEY_INVALID`. */
export function roundKeyOf(key: wire.RoundKey | undefined, path: string): RoundKey {
  const { runId, round, attempt } = requireField(key, path);
  if (round < 1 || attempt < 1) {
    throw invalid(
      'ROUND_KEY_INVALID',
      `${path} names round ${round}, attempt ${attempt}; both count from 1.`,
      'Use the key of the assignment as it is.',
    );
  }
  return { runId: runIdOf(runId), round, attempt };
}

/** Throws `HASH_INVALID`. */
export function sha256Of(bytes: Uint8Array, path: string): Sha256 {
  const sha256 = parseSha256(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex'));
  if (sha256 !== undefined) return sha256;
  throw invalid(
    'HASH_INVALID',
    `${path} has ${bytes.byteLength} bytes; a SHA-256 has 32.`,
    'Send the raw hash.',
  );
}

/**
 * Metric sums that name known metrics and hold finite numbers over a weight that is not negative. Throws `FIELD_MISSING` or
 * `METRICS_INVALID`.
 */
export function metricSumsOf(
  metrics: wire.MetricSums | undefined,
  known: readonly string[],
  path: string,
): MetricSums {
  const { weight, sums } = requireField(metrics, path);
  const fail = (what: string): CoordinatorError =>
    invalid('METRICS_INVALID', `${path} ${what}.`, 'Send finite sums of the metrics that the plan names.');
  if (!(weight >= 0 && Number.isFinite(weight))) throw fail(`has the weight ${weight}`);
  if (sums.length > metricsMax) throw fail(`names ${sums.length} metrics, more than ${metricsMax}`);
  const named = new Map<string, number>();
  for (const { name, sum } of sums) {
    if (!metricNamePattern.test(name) || !known.includes(name))
      throw fail(`names ${quote(name)}, which the plan does not`);
    if (named.has(name)) throw fail(`names ${name} twice`);
    if (!Number.isFinite(sum)) throw fail(`has the sum ${sum} for ${name}`);
    named.set(name, sum);
  }
  return { weight, sums: Object.fromEntries(named) };
}

const quotedMax = 80;

/** What somebody sent, as a short printable string. */
export function quote(text: string): string {
  return JSON.stringify(text.length > quotedMax ? `${text.slice(0, quotedMax)}…` : text);
}
