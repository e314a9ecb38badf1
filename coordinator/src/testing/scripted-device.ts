/** Devices that speak the real protocol with made-up numbers in place of training. */
import { createHash } from 'node:crypto';
import { createSeededEntropy, float32Bytes, uniform } from '@starling/federation';
import {
  type Assignment,
  type CheckInRequest,
  requireField,
  type UploadUpdateRequest,
} from '@starling/proto';
import type { Clients } from './coordinator-fixture.js';
import { parameterCount } from './coordinator-fixture.js';

export function checkInOf(deviceId: string, changes: Partial<CheckInRequest> = {}): CheckInRequest {
  return {
    deviceId,
    protocolRevision: 1,
    capabilities: { agentVersion: '0.1.0', runtimes: ['onnxruntime'], onnxOpset: 21, memoryBytes: 0 },
    taskNames: ['toy'],
    holdMsMax: 30_000,
    ...changes,
  };
}

/** Checks in until there is work. */
export async function awaitWork(
  clients: Clients,
  deviceId: string,
  changes: Partial<CheckInRequest> = {},
): Promise<Assignment> {
  for (;;) {
    const { directive } = await clients.checkIns.checkIn(checkInOf(deviceId, changes));
    if (directive?.kind === 'work') return directive.value;
  }
}

/** A delta that the assignment's seed decides. */
export function deltaOf(assignment: Assignment, count = parameterCount): Float32Array {
  const entropy = createSeededEntropy(assignment.training?.seed ?? 0);
  return Float32Array.from({ length: count }, () => uniform(entropy) - 0.5);
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

export interface UploadChanges {
  readonly payload?: Uint8Array;
  readonly sha256?: Uint8Array;
  readonly sizeBytes?: number;
  readonly offsetBytes?: number;
  readonly exampleCount?: number;
  readonly loss?: number;
  readonly chunkBytes?: number;
}

/** The messages of one upload. */
export function* uploadMessages(
  assignment: Assignment,
  deviceId: string,
  changes: UploadChanges = {},
): Generator<UploadUpdateRequest, void, undefined> {
  const payload = changes.payload ?? float32Bytes(deltaOf(assignment));
  const { offsetBytes = 0, chunkBytes = 16 } = changes;
  const value = {
    round: requireField(assignment.round, 'Assignment.round'),
    deviceId,
    sizeBytes: changes.sizeBytes ?? payload.byteLength,
    sha256: changes.sha256 ?? sha256(payload),
    offsetBytes,
    exampleCount: changes.exampleCount ?? 10,
    metrics: { weight: 10, sums: [{ name: 'loss', sum: changes.loss ?? 5 }] },
    trainingMs: 1,
  };
  yield { part: { kind: 'header', value } };
  for (let at = offsetBytes; at < payload.byteLength; at += chunkBytes) {
    yield { part: { kind: 'chunk', value: payload.subarray(at, at + chunkBytes) } };
  }
}

/** One device's part in one round, whatever its purpose; gives what it sent where it trained. */
export async function takePart(clients: Clients, deviceId: string): Promise<Float32Array> {
  const assignment = await awaitWork(clients, deviceId);
  await finishWork(clients, deviceId, assignment);
  return deltaOf(assignment);
}

export async function finishWork(
  clients: Clients,
  deviceId: string,
  assignment: Assignment,
): Promise<boolean> {
  if (assignment.purpose === 'evaluate') {
    const metrics = { weight: 4, sums: [{ name: 'accuracy', sum: 3 }] };
    const { round } = assignment;
    return (await clients.rounds.reportEvaluation({ round, deviceId, metrics })).newlyCounted;
  }
  return (await clients.rounds.uploadUpdate(uploadMessages(assignment, deviceId))).newlyCounted;
}

/** Lets a device take part in every round until `signal` aborts. */
export async function takePartUntil(clients: Clients, deviceId: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const { directive } = await clients.checkIns.checkIn(checkInOf(deviceId), { signal });
    if (directive?.kind === 'work') await finishWork(clients, deviceId, directive.value);
  }
}
