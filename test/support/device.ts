/** A device of the test's own: it speaks the real protocol, and says whatever the test wants said. */
import { createHash } from 'node:crypto';
import { enrol, securityOf, systemClock, systemEntropy } from '@starling/edge-agent';
import {
  type ArtifactReference,
  ArtifactService,
  type Assignment,
  CHUNK_BYTES_MAX,
  CheckInService,
  type Connection,
  connect,
  createClient,
  PROTOCOL_REVISION,
  RoundService,
  requireField,
  type UpdateHeader,
  type UploadUpdateRequest,
} from '@starling/proto';
import { type CoordinatorAccess, enrolmentToken } from './access.js';
import { type Scope, temporaryFolder } from './scope.js';

export type Device = Awaited<ReturnType<typeof createDevice>>;

/** Enrols a device of that name and connects it. */
export async function createDevice(
  scope: Scope,
  coordinator: CoordinatorAccess,
  deviceId: string,
  taskName: string,
) {
  const identity = await enrol({
    coordinator: coordinator.address,
    stateFolder: await temporaryFolder(scope, `device-${deviceId}`),
    token: await enrolmentToken(coordinator, deviceId),
    deviceId,
    clock: systemClock(),
    entropy: systemEntropy(),
    signal: new AbortController().signal,
  });
  const connection: Connection = connect(coordinator.address, { security: securityOf(identity) });
  scope.onClose(() => connection.close());
  const checkIns = createClient(CheckInService, connection);
  const rounds = createClient(RoundService, connection);
  const artifacts = createClient(ArtifactService, connection);

  const download = async (artifact: ArtifactReference | undefined): Promise<Uint8Array> => {
    const { sha256 } = requireField(artifact, 'the artifact');
    const parts: Uint8Array[] = [];
    for await (const { data } of artifacts.downloadArtifact({ sha256, offsetBytes: 0 })) parts.push(data);
    return Buffer.concat(parts);
  };

  return {
    deviceId,
    connection,
    checkIns,
    rounds,
    artifacts,
    download,
    /** Checks in until there is work. */
    async work(signal?: AbortSignal): Promise<Assignment> {
      for (;;) {
        const { directive } = await checkIns.checkIn(
          {
            deviceId,
            protocolRevision: PROTOCOL_REVISION,
            capabilities: {
              agentVersion: '0.1.0',
              runtimes: ['onnxruntime'],
              onnxOpset: 21,
              memoryBytes: 0,
            },
            taskNames: [taskName],
            holdMsMax: 30_000,
          },
          { signal },
        );
        if (directive?.kind === 'work') return directive.value;
      }
    },
    /** The parameters that the assignment starts from. */
    async parameters(assignment: Assignment): Promise<Float32Array> {
      const bytes = await download(assignment.checkpoint);
      return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
    },
    upload: (messages: Iterable<UploadUpdateRequest> | AsyncIterable<UploadUpdateRequest>) =>
      rounds.uploadUpdate(messages),
  };
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

export function payloadOf(delta: Float32Array): Uint8Array {
  return new Uint8Array(delta.buffer, delta.byteOffset, delta.byteLength);
}

/** A truthful header for `payload`, with `changes` on top. */
export function headerOf(
  assignment: Assignment,
  deviceId: string,
  payload: Uint8Array,
  changes: Partial<UpdateHeader> = {},
): UpdateHeader {
  return {
    round: requireField(assignment.round, 'Assignment.round'),
    deviceId,
    sizeBytes: payload.byteLength,
    sha256: sha256(payload),
    offsetBytes: 0,
    exampleCount: 10,
    metrics: { weight: 10, sums: [{ name: 'loss', sum: 5 }] },
    trainingMs: 1,
    ...changes,
  };
}

/** The messages of an upload: the header, then the payload in chunks. */
export function* uploadOf(
  header: UpdateHeader,
  payload: Uint8Array,
  chunkBytes = CHUNK_BYTES_MAX,
): Generator<UploadUpdateRequest, void, undefined> {
  yield { part: { kind: 'header', value: header } };
  for (let at = header.offsetBytes; at < payload.byteLength; at += chunkBytes) {
    yield { part: { kind: 'chunk', value: payload.subarray(at, at + chunkBytes) } };
  }
}
