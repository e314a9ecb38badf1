import { packedLength } from '@starling/federation';
import {
  AdvertiseKeysRequest,
  AwaitSurvivorsRequest,
  encodeMessage,
  GetUploadRequest,
  type MessageType,
  RevealSharesRequest,
  ShareKeysRequest,
  SignSurvivorsRequest,
  UPLOAD_CHUNK_BYTES,
  UploadUpdateRequest,
} from '@starling/proto';

/** Of a device's certificate whose name is as long as names may be: 64 characters. */
const certificateBytes = 485;

/** Before each message on the wire: gRPC's flag and length. */
const frameBytes = 5;

/** The highest index of a device in a cohort of 16384: two bytes. */
const index = 2 ** 14 - 1;

/**
 * Bytes that one client sends in a round that loses nobody, all told: every message of every stage as protobuf, framed,
 * with names, numbers and certificate at their longest. TLS and HTTP/2 headers are not counted; they do not grow with the
 * model.
 */
export function uploadBytes(vectorLength: number, ringBits: number, degree: number): number {
  const round = { runId: 'r'.repeat(64), round: 2 ** 20, attempt: 100 };
  const caller = { round, deviceId: 'd'.repeat(64) };
  const held = { ...caller, holdMsMax: 60_000 };
  const bytes = (length: number): Uint8Array => new Uint8Array(length).fill(255);
  const ofNeighbours = <T>(make: () => T): T[] => Array.from({ length: degree }, make);
  const keys = {
    roundSha256: bytes(32),
    deviceId: caller.deviceId,
    certificate: bytes(certificateBytes),
    sealKey: bytes(32),
    maskKey: bytes(32),
    signature: bytes(64),
  };
  const shared = { commitment: bytes(32), shares: ofNeighbours(() => ({ peer: index, sealed: bytes(89) })) };
  const selfMasks = ofNeighbours(() => ({ owner: index, share: bytes(36) }));
  return (
    framed(AdvertiseKeysRequest, { ...held, keys }) +
    framed(ShareKeysRequest, { ...held, shared }) +
    framed(GetUploadRequest, { ...caller, sha256: bytes(32) }) +
    payloadBytes(caller, packedLength(vectorLength, ringBits)) +
    framed(AwaitSurvivorsRequest, held) +
    framed(SignSurvivorsRequest, { ...held, signature: bytes(64) }) +
    framed(RevealSharesRequest, { ...caller, revealed: { selfMasks, maskKeys: [] } })
  );
}

/** A header, then the payload in chunks. */
function payloadBytes(caller: Pick<GetUploadRequest, 'round' | 'deviceId'>, length: number): number {
  const sha256 = new Uint8Array(32);
  const value = { ...caller, sha256, sizeBytes: length, offsetBytes: 0, exampleCount: 0, trainingMs: 0 };
  let total = framed(UploadUpdateRequest, { part: { kind: 'header', value } });
  for (let from = 0; from < length; from += UPLOAD_CHUNK_BYTES) {
    const chunk = new Uint8Array(Math.min(UPLOAD_CHUNK_BYTES, length - from));
    total += framed(UploadUpdateRequest, { part: { kind: 'chunk', value: chunk } });
  }
  return total;
}

/** Bytes of a message on the wire. */
export function framed<T>(type: MessageType<T>, message: T): number {
  return frameBytes + encodeMessage(type, message).byteLength;
}
