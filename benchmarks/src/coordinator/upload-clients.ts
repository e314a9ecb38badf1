/** A cohort whose updates are made beforehand, so that nothing but the upload is measured. */
import { createHash } from 'node:crypto';
import { createSeededEntropy, encodeUpdate, uniform } from '@starling/federation';
import {
  type Assignment,
  CheckInService,
  connect,
  createClient,
  RoundService,
  requireField,
  UPLOAD_CHUNK_BYTES,
  UPLOAD_OWN_CONNECTION_BYTES,
  type UploadUpdateRequest,
} from '@starling/proto';
import { type DeviceAccess, enrolDevices } from './access.js';
import { clientInput, proceeded, report } from './processes.js';
import { checkInOf, type EncodingName, encodings, parameterCountOf } from './task.js';

export interface UploadInput {
  readonly address: string;
  readonly access: DeviceAccess;
  readonly cohort: number;
  readonly parameters: number;
  readonly encoding: EncodingName;
  readonly clients: number;
}

export interface Uploaded {
  readonly seconds: number;
  readonly bytes: number;
}

const { address, access, cohort, parameters, encoding, clients } = clientInput<UploadInput>();
const entropy = createSeededEntropy('updates');
const delta = Float32Array.from({ length: parameterCountOf(parameters) }, () => uniform(entropy) - 0.5);
const payload = encodeUpdate(delta, encodings[encoding], entropy);
const sha256 = createHash('sha256').update(payload).digest();

const deviceIds = Array.from({ length: cohort }, (_, device) => `device-${device}`);
const identities = await enrolDevices(address, access, deviceIds);
const connections = identities.map((security) => connect(address, { security }));

async function workFor(device: number): Promise<Assignment> {
  const checkIns = createClient(CheckInService, connections[device]);
  for (;;) {
    const { directive } = await checkIns.checkIn(checkInOf(`device-${device}`, 30_000));
    if (directive?.kind === 'work') return directive.value;
  }
}

function* messages(assignment: Assignment, device: number): Generator<UploadUpdateRequest> {
  const value = {
    round: requireField(assignment.round, 'Assignment.round'),
    deviceId: `device-${device}`,
    sizeBytes: payload.byteLength,
    sha256,
    offsetBytes: 0,
    exampleCount: 10,
    metrics: { weight: 10, sums: [{ name: 'loss', sum: 5 }] },
    trainingMs: 1,
  };
  yield { part: { kind: 'header', value } };
  for (let at = 0; at < payload.byteLength; at += UPLOAD_CHUNK_BYTES) {
    yield { part: { kind: 'chunk', value: payload.subarray(at, at + UPLOAD_CHUNK_BYTES) } };
  }
}

const assignments = await Promise.all(Array.from({ length: cohort }, (_, device) => workFor(device)));
report({ ready: true });
await proceeded();

const startedAt = performance.now();
let next = 0;
const send = async (): Promise<void> => {
  while (next < cohort) {
    const device = next++;
    // As an agent does, which keeps the connection that it checked in on meanwhile.
    const isLarge = payload.byteLength >= UPLOAD_OWN_CONNECTION_BYTES;
    const connection = isLarge ? connect(address, { security: identities[device] }) : connections[device];
    const rounds = createClient(RoundService, connection);
    const { newlyCounted } = await rounds.uploadUpdate(messages(assignments[device], device));
    if (isLarge) connection.close();
    if (!newlyCounted) throw new Error(`the update of device ${device} was not counted`);
  }
};
await Promise.all(Array.from({ length: clients }, send));
report({
  seconds: (performance.now() - startedAt) / 1000,
  bytes: cohort * payload.byteLength,
} satisfies Uploaded);
// The cohort stays connected until the round is committed and its memory read: a thousand farewells are not aggregation.
await proceeded();
for (const connection of connections) connection.close();
process.stdin.destroy();
