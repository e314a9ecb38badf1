import { Metadata, type ServiceError, type StatusObject, status } from '@grpc/grpc-js';
import { ErrorDetail } from './generated/error.js';
import { decodeMessage, encodeMessage } from './wire.js';

/** The one place where a kind of failure becomes a gRPC status, and back. */
const grpcStatuses = {
  'invalid-argument': status.INVALID_ARGUMENT,
  'not-found': status.NOT_FOUND,
  'already-exists': status.ALREADY_EXISTS,
  'failed-precondition': status.FAILED_PRECONDITION,
  'out-of-range': status.OUT_OF_RANGE,
  'resource-exhausted': status.RESOURCE_EXHAUSTED,
  'permission-denied': status.PERMISSION_DENIED,
  unauthenticated: status.UNAUTHENTICATED,
  aborted: status.ABORTED,
  unavailable: status.UNAVAILABLE,
  cancelled: status.CANCELLED,
  'deadline-exceeded': status.DEADLINE_EXCEEDED,
  'data-loss': status.DATA_LOSS,
  unimplemented: status.UNIMPLEMENTED,
  internal: status.INTERNAL,
} as const;

export type ErrorStatus = keyof typeof grpcStatuses;

export interface ErrorDescription {
  /** Stable, upper snake case: `UPDATE_LENGTH_MISMATCH`. */
  readonly code: string;
  readonly status: ErrorStatus;
  /** What is wrong, a sentence that names the place. */
  readonly message: string;
  /** What to do about it, a sentence; may be empty. */
  readonly remedy: string;
  /** How long to wait before the same call may go well, in milliseconds; 0 where repeating does not help. */
  readonly retryAfterMs: number;
}

/** A failed call, at both ends: handlers throw it, calls of clients reject with it. */
export class StarlingError extends Error {
  override readonly name = 'StarlingError';
  readonly code: string;
  readonly status: ErrorStatus;
  /** What to do about it, a sentence; may be empty. */
  readonly remedy: string;
  /** How long to wait before the same call may go well, in milliseconds; 0 where repeating does not help. */
  readonly retryAfterMs: number;

  constructor(
    description: Omit<ErrorDescription, 'remedy' | 'retryAfterMs'> & Partial<ErrorDescription>,
    options?: ErrorOptions,
  ) {
    super(description.message, options);
    this.code = description.code;
    this.status = description.status;
    this.remedy = description.remedy ?? '';
    this.retryAfterMs = description.retryAfterMs ?? 0;
  }

  get grpcStatus(): status {
    return grpcStatuses[this.status];
  }
}

const detailKey = 'starling-error-bin';
/** Trailing metadata shares the peer's header limit (8 KiB or more), so sentences are cut well below it. */
const sentenceLengthMax = 1000;

/** What goes over the wire for `error`; anything but a `StarlingError` tells the caller nothing but INTERNAL. */
export function errorToStatus(error: unknown): StatusObject {
  const known = error instanceof StarlingError ? error : internalError(error);
  const metadata = new Metadata();
  const detail: ErrorDetail = {
    code: known.code,
    message: known.message.slice(0, sentenceLengthMax),
    remedy: known.remedy.slice(0, sentenceLengthMax),
    retryAfterMs: Math.min(Math.max(Math.ceil(known.retryAfterMs), 0), 0xffff_ffff),
  };
  metadata.set(detailKey, Buffer.from(encodeMessage(ErrorDetail, detail)));
  return { code: known.grpcStatus, details: detail.message, metadata };
}

/** What a client throws for a failed call, whether the peer, gRPC itself or the network made it fail. */
export function statusToError(error: ServiceError): StarlingError {
  const known = Object.entries(grpcStatuses).find(([, value]) => value === error.code)?.[0];
  const kind = (known ?? 'internal') as ErrorStatus;
  const detail = readDetail(error);
  if (detail) return new StarlingError({ ...detail, status: kind }, { cause: error });
  const message = plainWords(error.details || error.message);
  const described = fromGrpc[error.code] ?? { code: 'INTERNAL', remedy: '' };
  // grpc-js refuses long messages by itself, at either end, with no detail of ours.
  const tooLarge = kind === 'resource-exhausted' && /larger than max|exceeds/i.test(message);
  return tooLarge
    ? messageTooLarge(message, error)
    : new StarlingError({ ...described, status: kind, message }, { cause: error });
}

/** grpc-js wraps what the network said: "No connection established. Last error: Error: X. Resolution note: ." is X. */
function plainWords(details: string): string {
  const [, cause] = /Last error: (?:\w*Error(?: \[\w+\])?: )?(.*?)\.? Resolution note:/.exec(details) ?? [];
  return cause === undefined ? details : `No connection: ${cause}.`;
}

/** Failures that gRPC finds by itself, so that no detail of ours came with them. */
const fromGrpc: Partial<Record<status, { code: string; remedy: string }>> = {
  [status.UNAVAILABLE]: {
    code: 'UNAVAILABLE',
    remedy: 'Check the address, that the coordinator runs, and that the network allows the connection.',
  },
  [status.DEADLINE_EXCEEDED]: {
    code: 'DEADLINE_EXCEEDED',
    remedy: 'Try again, or allow the call more time.',
  },
  [status.CANCELLED]: { code: 'CANCELLED', remedy: '' },
  [status.RESOURCE_EXHAUSTED]: { code: 'RESOURCE_EXHAUSTED', remedy: 'Try again later.' },
  [status.UNIMPLEMENTED]: {
    code: 'UNIMPLEMENTED',
    remedy: 'The two ends differ in version: update the older one.',
  },
};

function readDetail(error: ServiceError): ErrorDetail | undefined {
  const value = error.metadata?.get(detailKey)[0];
  if (!Buffer.isBuffer(value)) return undefined;
  try {
    return decodeMessage(ErrorDetail, value);
  } catch {
    // A detail that cannot be read leaves the gRPC status, which says enough.
    return undefined;
  }
}

/** A message that is not what its type says. */
export function malformedMessage(typeName: string, cause: unknown): StarlingError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new StarlingError(
    {
      code: 'MALFORMED_MESSAGE',
      status: 'invalid-argument',
      message: `The message is not a valid ${typeName}: ${why}.`,
      remedy: 'Check that both ends are built from the same revision of the protocol.',
    },
    { cause },
  );
}

/** A message without a field it needs; `path` names it: `UploadUpdateRequest.header.round`. */
export function missingField(path: string): StarlingError {
  return new StarlingError({
    code: 'FIELD_MISSING',
    status: 'invalid-argument',
    message: `The message has no ${path}, which is required.`,
    remedy: 'Set the field.',
  });
}

/** `value`, or throws FIELD_MISSING: messages inside messages may be absent on the wire. */
export function requireField<T>(value: T | undefined, path: string): T {
  if (value === undefined) throw missingField(path);
  return value;
}

function messageTooLarge(message: string, cause: unknown): StarlingError {
  return new StarlingError(
    {
      code: 'MESSAGE_TOO_LARGE',
      status: 'resource-exhausted',
      message: `A message is too large: ${message}.`,
      remedy: 'Send large payloads in chunks of at most 256 KiB.',
    },
    { cause },
  );
}

function internalError(cause: unknown): StarlingError {
  return new StarlingError(
    {
      code: 'INTERNAL',
      status: 'internal',
      message: 'The coordinator failed unexpectedly.',
      remedy: 'Its log says more.',
    },
    { cause },
  );
}
