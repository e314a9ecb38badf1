/** The transport over gRPC: maps the agent's types to the wire's and failures to what the stages decide by. */
import type { Clock } from '@starling/federation';
import {
  ArtifactService,
  CheckInService,
  type Connection,
  connect as connectOverGrpc,
  createClient,
  PROTOCOL_REVISION,
  ReleaseService,
  RoundService,
  SecureAggregationService,
  type RoundStage as WireStage,
} from '@starling/proto';
import { type Connect, type DeviceIdentity, securityOf } from '../identity/device-identity.js';
import type { PlanOwners } from '../owners/index.js';
import type { ReleaseTransport } from '../releases/index.js';
import { asCallError, checked } from './grpc-failures.js';
import { releaseTransport } from './grpc-releases.js';
import { secureTransport } from './grpc-secure-transport.js';
import { uploadRequests, wireMetrics, withUploadConnection } from './grpc-uploads.js';
import type { WorkLimits } from './read-assignment.js';
import { authorized, checkRevision, readDirective } from './read-directive.js';
import { CallError, type RoundState, type Transport } from './transport.js';

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
  /** Names of the runtimes that plans may require of this device. */
  readonly runtimes: () => Promise<readonly string[]>;
  /** Memory that training may use, in bytes; 0 where it is not limited. */
  readonly memoryBytes?: number;
  /** Over gRPC unless told. */
  readonly connect?: Connect | undefined;
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

export interface GrpcTransport extends Transport, Omit<ReleaseTransport, 'download'> {
  /** Shows a renewed certificate from the next call on. */
  renewed(identity: DeviceIdentity): void;
}

/** Connects when first used, and again whenever the coordinator is back. */
export function grpcTransport(options: GrpcTransportOptions): GrpcTransport {
  const { clock, limits, connect = connectOverGrpc } = options;
  const { deviceId } = options.identity;
  const open = new Set<Connection>();
  /** The newest identity. */
  let shown = options.identity;
  const dial = (identity: DeviceIdentity): Connection =>
    connect(options.address, { security: securityOf(identity) });
  const start = (identity: DeviceIdentity) => {
    const connection = dial(identity);
    open.add(connection);
    return {
      connection,
      checkIns: createClient(CheckInService, connection),
      rounds: createClient(RoundService, connection),
      artifacts: createClient(ArtifactService, connection),
      secure: createClient(SecureAggregationService, connection),
      releases: createClient(ReleaseService, connection),
    };
  };
  let remote = start(options.identity);
  const within = (signal: AbortSignal, ms: number) => ({ signal, deadlineAtMs: clock.now() + ms });

  return {
    whenReached: async () => {
      const { whenReady } = remote.connection;
      if (whenReady === undefined) throw new Error('this connection does not tell');
      await whenReady();
    },

    checkIn: (request, signal) =>
      checked('check-in', async () => {
        const answer = await remote.checkIns.checkIn(
          {
            deviceId,
            protocolRevision: PROTOCOL_REVISION,
            capabilities: {
              agentVersion: options.agentVersion,
              runtimes: [...(await options.runtimes())],
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
        const options = within(signal, callMsMax + transferMs);
        const connections = { shared: remote.rounds, open: () => dial(shown) };
        await withUploadConnection(update.bytes - offset, connections, (rounds) =>
          rounds.uploadUpdate(requests, options),
        );
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

    ...releaseTransport({
      client: () => remote.releases,
      deviceId,
      within: (signal) => within(signal, callMsMax),
      checked: (run) => checked('round', run),
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
      shown = identity;
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
