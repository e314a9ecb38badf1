/** The transport over gRPC: maps the agent's types to the wire's and failures to what the stages decide by. */
import type { MetricSums } from '@starling/engine';
import type { Clock } from '@starling/federation';
import {
  ArtifactService,
  CHUNK_BYTES_MAX,
  CheckInService,
  type Connection,
  connect,
  createClient,
  PROTOCOL_REVISION,
  RoundService,
  SecureAggregationService,
  StarlingError,
  type UploadUpdateRequest,
  type MetricSums as WireMetricSums,
  type RoundStage as WireStage,
} from '@starling/proto';
import { type DeviceIdentity, securityOf } from '../identity/device-identity.js';
import type { PlanOwners } from '../owners/index.js';
import type { FinishedUpdate } from './assignment.js';
import { secureTransport } from './grpc-secure-transport.js';
import { readAssignment, type WorkLimits } from './read-assignment.js';
import { CallError, type CallFailure, type Directive, type RoundState, type Transport } from './transport.js';

export interface GrpcTransportOptions {
  /** `host:port`. */
  readonly address: string;
  readonly identity: DeviceIdentity;
  readonly owners: PlanOwners;
  readonly agentVersion: string;
  readonly clock: Clock;
  readonly limits: WorkLimits;
  /** How long a call may be held open, in milliseconds. */
  readonly holdMsMax: number;
  /** Memory that training may use, in bytes; 0 where it is not limited. */
  readonly memoryBytes?: number;
}

/** Newest ONNX operator set that the bundled ONNX Runtime loads. */
const onnxOpset = 23;

/** How long a call with one short answer may take, in milliseconds. */
const callMsMax = 30_000;

/** A report during a stop has less. */
const reportMsMax = 10_000;

/** Slowest transfer that is waited for; an update of 800 kB may take a little over two minutes. */
const transferBytesPerSecondMin = 8_192;

/** Longest that calls on a connection with an old certificate may go on. */
const retiredMsMax = 600_000;

export interface GrpcTransport extends Transport {
  /** Shows a renewed certificate from the next call on. */
  renewed(identity: DeviceIdentity): void;
}

/** Connects when first used, and again whenever the coordinator is back. */
export function grpcTransport(options: GrpcTransportOptions): GrpcTransport {
  const { clock, limits } = options;
  const { deviceId } = options.identity;
  const open = new Set<Connection>();
  const start = (identity: DeviceIdentity) => {
    const connection = connect(options.address, { security: securityOf(identity) });
    open.add(connection);
    return {
      connection,
      checkIns: createClient(CheckInService, connection),
      rounds: createClient(RoundService, connection),
      artifacts: createClient(ArtifactService, connection),
      secure: createClient(SecureAggregationService, connection),
    };
  };
  let remote = start(options.identity);
  const within = (signal: AbortSignal, ms: number) => ({ signal, deadlineAtMs: clock.now() + ms });

  return {
    checkIn: (request, signal) =>
      checked('check-in', async () => {
        const answer = await remote.checkIns.checkIn(
          {
            deviceId,
            protocolRevision: PROTOCOL_REVISION,
            capabilities: {
              agentVersion: options.agentVersion,
              runtimes: ['onnxruntime'],
              onnxOpset,
              memoryBytes: options.memoryBytes ?? 0,
            },
            taskNames: request.taskNames,
            holdMsMax: request.holdMsMax,
          },
          within(signal, request.holdMsMax + callMsMax),
        );
        checkRevision(answer.protocolRevision);
        return authorized(answer.directive, readDirective(answer.directive, limits), options.owners);
      }),

    roundState: (round, signal) =>
      checked('round', async (): Promise<RoundState> => {
        const answer = await remote.rounds.getRoundState({ round, deviceId }, within(signal, callMsMax));
        const { selected, counted, deadlineMs, reason } = answer;
        const stage = stageOf(answer.stage);
        return { stage, selected, counted, deadlineMs, reason };
      }),

    async *download(sha256, offset, signal) {
      const request = { sha256: Buffer.from(sha256, 'hex'), offsetBytes: offset };
      try {
        let expected = offset;
        for await (const { offsetBytes, data } of remote.artifacts.downloadArtifact(request, { signal })) {
          if (offsetBytes !== expected) {
            throw new CallError({
              kind: 'later',
              message: `A chunk came for position ${offsetBytes} where ${expected} was next.`,
              retryAfterMs: 0,
            });
          }
          expected += data.byteLength;
          yield data;
        }
      } catch (error) {
        throw asCallError(error, 'artifact');
      }
    },

    heldUpload: (update, signal) =>
      checked('round', () =>
        remote.rounds.getUpload(
          { round: update.round, deviceId, sha256: Buffer.from(update.sha256, 'hex') },
          within(signal, callMsMax),
        ),
      ),

    upload: (update, offset, chunks, signal) =>
      checked('round', async () => {
        const transferMs = ((update.bytes - offset) / transferBytesPerSecondMin) * 1000;
        const requests = uploadRequests(update, deviceId, offset, chunks);
        await remote.rounds.uploadUpdate(requests, within(signal, callMsMax + transferMs));
      }),

    reportEvaluation: (round, metrics, signal) =>
      checked('round', async () => {
        await remote.rounds.reportEvaluation(
          { round, deviceId, metrics: wireMetrics(metrics) },
          within(signal, callMsMax),
        );
      }),

    reportFailure: (round, reason, message, signal) =>
      checked('round', async () => {
        const sentence = message.slice(0, failureCharactersMax);
        await remote.rounds.reportFailure(
          { round, deviceId, reason, message: sentence },
          within(signal, reportMsMax),
        );
      }),

    ...secureTransport({
      client: () => remote.secure,
      deviceId,
      holdMsMax: options.holdMsMax,
      within,
      checked: (run) => checked('round', run),
    }),

    renewed(identity) {
      const { connection } = remote;
      remote = start(identity);
      clock.schedule(retiredMsMax, () => {
        open.delete(connection);
        connection.close();
      });
    },

    close() {
      for (const connection of open) connection.close();
    },
  };
}

function stageOf(stage: WireStage): RoundState['stage'] {
  switch (stage) {
    case 'advertiseKeys':
      return 'advertise-keys';
    case 'shareKeys':
      return 'share-keys';
    // A stage that this revision does not know is over as far as this device can tell.
    case 'unspecified':
      return 'abandoned';
    default:
      return stage;
  }
}

const failureCharactersMax = 500;

async function* uploadRequests(
  update: FinishedUpdate,
  deviceId: string,
  offset: number,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<UploadUpdateRequest> {
  yield {
    part: {
      kind: 'header',
      value: {
        round: update.round,
        deviceId,
        sizeBytes: update.bytes,
        sha256: Buffer.from(update.sha256, 'hex'),
        offsetBytes: offset,
        exampleCount: update.exampleCount,
        metrics: wireMetrics(update.metrics),
        trainingMs: update.trainingMs,
      },
    },
  };
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.byteLength; start += CHUNK_BYTES_MAX) {
      yield { part: { kind: 'chunk', value: chunk.subarray(start, start + CHUNK_BYTES_MAX) } };
    }
  }
}

function wireMetrics(metrics: MetricSums): WireMetricSums {
  return {
    weight: metrics.weight,
    sums: Object.entries(metrics.sums).map(([name, sum]) => ({ name, sum })),
  };
}

function checkRevision(revision: number): void {
  if (revision < 1 || revision > PROTOCOL_REVISION) {
    throw new CallError({
      kind: 'incompatible',
      message: `The coordinator wants revision ${revision} of the protocol; this agent speaks ${PROTOCOL_REVISION} at most. Update the agent.`,
    });
  }
}

type WireDirective = Awaited<
  ReturnType<ReturnType<typeof createClient<typeof CheckInService>>['checkIn']>
>['directive'];

/** Work is done for the owner of its task only, whoever hands it out. */
async function authorized(wire: WireDirective, directive: Directive, owners: PlanOwners): Promise<Directive> {
  if (directive.kind !== 'work' || wire?.kind !== 'work') return directive;
  const { assignment } = directive;
  const message = await owners.refusalOf(wire.value, assignment);
  return message === undefined
    ? directive
    : { kind: 'unacceptable', round: assignment.round, reason: 'plan', message };
}

/** Longest time an agent stays away because it was told so: a day. */
const comeBackMsMax = 86_400_000;

function readDirective(directive: WireDirective, limits: WorkLimits): Directive {
  if (directive?.kind === 'work') {
    return readAssignment(directive.value, limits);
  }
  if (directive?.kind === 'comeBack') {
    const earliestMs = Math.min(directive.value.earliestMs, comeBackMsMax);
    const latestMs = Math.min(Math.max(directive.value.latestMs, earliestMs), comeBackMsMax);
    return { kind: 'come-back', earliestMs, latestMs, reason: directive.value.reason };
  }
  throw new CallError({
    kind: 'refused',
    code: 'DIRECTIVE_UNKNOWN',
    message: 'The coordinator gave a directive that this agent does not know. Update the agent.',
  });
}

async function checked<T>(call: 'check-in' | 'round', run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    throw asCallError(error, call);
  }
}

const laterStatuses: ReadonlySet<string> = new Set([
  'unavailable',
  'deadline-exceeded',
  'aborted',
  'resource-exhausted',
  'cancelled',
  // Held bytes are asked for anew before the upload goes on.
  'out-of-range',
]);

/** The coordinator dropped what it held of an upload, and wants it from the start. */
const hashMismatch = 'UPDATE_HASH_MISMATCH';

/** An error that is none of gRPC's, such as the signal's reason or a file that cannot be read, stays what it is. */
function asCallError(error: unknown, call: 'check-in' | 'round' | 'artifact'): unknown {
  if (error instanceof StarlingError) {
    return new CallError(failureOf(error, call), error);
  }
  if (error instanceof RangeError) {
    return new CallError({ kind: 'refused', code: 'ANSWER_INVALID', message: error.message }, error);
  }
  return error;
}

function failureOf(error: StarlingError, call: 'check-in' | 'round' | 'artifact'): CallFailure {
  const { code, retryAfterMs, status } = error;
  // What gRPC says by itself ends without a full stop.
  const sentence = /[.!?]$/.test(error.message) ? error.message : `${error.message}.`;
  const message = error.remedy === '' ? sentence : `${sentence} ${error.remedy}`;
  if (retryAfterMs > 0 || laterStatuses.has(status) || code === hashMismatch) {
    return { kind: 'later', message, retryAfterMs };
  }
  if (call === 'check-in' && (status === 'failed-precondition' || status === 'unimplemented')) {
    return { kind: 'incompatible', message };
  }
  // A coordinator that stumbles is not one that says no.
  return status === 'internal'
    ? { kind: 'later', message, retryAfterMs: 0 }
    : { kind: 'refused', code, message };
}
