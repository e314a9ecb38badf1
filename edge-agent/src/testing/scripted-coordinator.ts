/**
 * A protocol peer over real gRPC for tests: it hands out the assignments it is given, keeps what devices send, and
 * breaks where a test tells it to. It decides nothing by itself, as a coordinator would.
 */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import {
  ArtifactService,
  type Assignment,
  addService,
  type CheckInRequest,
  type CheckInResponse,
  CheckInService,
  createServer,
  EnrolmentService,
  type GetRoundStateResponse,
  listenSecurely,
  type ReportEvaluationRequest,
  type ReportFailureRequest,
  RoundService,
  requireField,
  StarlingError,
  type UpdateHeader,
} from '@starling/proto';
import { testAuthority, type Validity } from './authority.js';

export interface ReceivedUpdate {
  readonly header: UpdateHeader;
  readonly payload: Uint8Array;
}

/** What a test changes while the agent runs. */
export interface Script {
  /** Handed out one per check-in; then the device is told to come back. */
  readonly assignments: Assignment[];
  /** Overrides the answer to a check-in. */
  checkIn?: (request: CheckInRequest) => CheckInResponse;
  /** Overrides what devices are told about a round. */
  roundState?: Partial<GetRoundStateResponse>;
  /** Bytes after which each of the next downloads breaks off. */
  readonly breakDownloads: number[];
  /** Bytes after which each of the next uploads breaks off. */
  readonly breakUploads: number[];
  /** Number of next uploads that are kept while their answer is lost. */
  loseUploadAnswers: number;
  /** Of the certificates it makes; a month from now unless told. */
  certificateValidity?: Validity;
  /** Refuses every upload. */
  refuseUploads?: StarlingError;
}

export interface ScriptedCoordinator {
  readonly script: Script;
  readonly port: number;
  readonly address: string;
  readonly checkIns: CheckInRequest[];
  readonly updates: ReceivedUpdate[];
  readonly evaluations: ReportEvaluationRequest[];
  readonly failures: ReportFailureRequest[];
  /** Offsets of downloads, per artifact. */
  readonly downloads: { readonly sha256: string; readonly offset: number }[];
  /** Offsets at which uploads began. */
  readonly uploadOffsets: number[];
  /** Certificate requests of devices that renew. */
  readonly renewals: Uint8Array[];
  /** Makes an artifact downloadable under its hash, or under another one to deceive. */
  put(content: Uint8Array, sha256?: string): { sha256: Uint8Array; sizeBytes: number };
  /** Settles when `condition` holds; it is looked at after every call. */
  until(condition: () => boolean): Promise<void>;
  stop(): void;
}

/** Starts on a free port of the loopback interface, or on `port`. */
export async function startScriptedCoordinator(port = 0): Promise<ScriptedCoordinator> {
  const script: Script = { assignments: [], breakDownloads: [], breakUploads: [], loseUploadAnswers: 0 };
  const artifacts = new Map<string, Uint8Array>();
  const checkIns: CheckInRequest[] = [];
  const updates: ReceivedUpdate[] = [];
  const evaluations: ReportEvaluationRequest[] = [];
  const failures: ReportFailureRequest[] = [];
  const downloads: { sha256: string; offset: number }[] = [];
  const uploadOffsets: number[] = [];
  const renewals: Uint8Array[] = [];
  const partial = new Map<string, Uint8Array[]>();
  const waiting = new Set<() => void>();
  const changed = (): void => {
    for (const look of [...waiting]) {
      look();
    }
  };
  const brokenOff = (message: string): StarlingError =>
    new StarlingError({ code: 'BROKEN', status: 'unavailable', message });
  const heldBytes = (upload: string): number =>
    (partial.get(upload) ?? []).reduce((sum, chunk) => sum + chunk.byteLength, 0);

  const server = createServer();
  const options = {
    onInternalError: (error: unknown) => {
      throw error;
    },
  };
  addService(
    server,
    CheckInService,
    {
      async checkIn(request) {
        checkIns.push(request);
        changed();
        if (script.checkIn !== undefined) {
          return script.checkIn(request);
        }
        const assignment = script.assignments.shift();
        return assignment === undefined
          ? comeBack(20)
          : { protocolRevision: 1, directive: { kind: 'work', value: assignment } };
      },
    },
    options,
  );
  addService(
    server,
    ArtifactService,
    {
      async getArtifact({ sha256 }) {
        const content = artifacts.get(Buffer.from(sha256).toString('hex'));
        return { artifact: { sha256, sizeBytes: content?.byteLength ?? 0 } };
      },
      async *downloadArtifact({ sha256, offsetBytes }) {
        const name = Buffer.from(sha256).toString('hex');
        downloads.push({ sha256: name, offset: offsetBytes });
        const content = artifacts.get(name);
        if (content === undefined) {
          throw new StarlingError({
            code: 'ARTIFACT_UNKNOWN',
            status: 'not-found',
            message: 'No such artifact.',
          });
        }
        const breakAfter = script.breakDownloads.shift();
        const end = breakAfter === undefined ? content.byteLength : offsetBytes + breakAfter;
        for (let at = offsetBytes; at < Math.min(end, content.byteLength); at += 65_536) {
          yield { offsetBytes: at, data: content.subarray(at, Math.min(at + 65_536, end)) };
        }
        if (breakAfter !== undefined) {
          throw brokenOff('The download broke off.');
        }
      },
    },
    options,
  );
  addService(
    server,
    RoundService,
    {
      async getRoundState() {
        changed();
        return {
          stage: 'collect',
          selected: true,
          counted: false,
          deadlineMs: 60_000,
          reason: '',
          ...script.roundState,
        };
      },
      async getUpload(request) {
        const name = uploadName(request);
        const counted = updates.some(({ header }) => uploadName(header) === name);
        return { receivedBytes: heldBytes(name), counted };
      },
      async uploadUpdate(requests) {
        let header: UpdateHeader | undefined;
        let received = 0;
        const breakAfter = script.breakUploads.shift();
        for await (const { part } of requests) {
          if (part?.kind === 'header') {
            header = part.value;
            uploadOffsets.push(header.offsetBytes);
            if (script.refuseUploads !== undefined) {
              changed();
              throw script.refuseUploads;
            }
          } else if (part?.kind === 'chunk' && header !== undefined) {
            const name = uploadName(header);
            partial.set(name, [...(partial.get(name) ?? []), part.value.slice()]);
            received += part.value.byteLength;
            if (breakAfter !== undefined && received >= breakAfter) {
              throw brokenOff('The upload broke off.');
            }
          }
        }
        const whole = requireField(header, 'UploadUpdateRequest.header');
        const name = uploadName(whole);
        updates.push({ header: whole, payload: Buffer.concat(partial.get(name) ?? []) });
        changed();
        if (script.loseUploadAnswers > 0) {
          script.loseUploadAnswers--;
          throw brokenOff('The answer was lost.');
        }
        return { newlyCounted: true };
      },
      async reportEvaluation(request) {
        evaluations.push(request);
        changed();
        return { newlyCounted: true };
      },
      async reportFailure(request) {
        failures.push(request);
        changed();
        return {};
      },
    },
    options,
  );
  addService(
    server,
    EnrolmentService,
    {
      async enrol({ certificateRequest }) {
        return { outcome: await certify(certificateRequest) };
      },
      async renewCertificate({ certificateRequest }) {
        renewals.push(certificateRequest);
        changed();
        return { outcome: await certify(certificateRequest) };
      },
    },
    options,
  );
  const authority = await testAuthority();
  const certify = async (request: Uint8Array) => {
    const certificate = await authority.certifyRequest(request, script.certificateValidity);
    return { kind: 'certificate', value: { certificate, authority: authority.der } } as const;
  };
  const listener = await listenSecurely(server, {
    host: '127.0.0.1',
    port,
    authority: authority.certificate,
    identity: await authority.certifyCoordinator(),
  });
  const bound = listener.port;

  return {
    script,
    port: bound,
    address: `127.0.0.1:${bound}`,
    checkIns,
    updates,
    evaluations,
    failures,
    downloads,
    uploadOffsets,
    renewals,
    put(content, sha256 = createHash('sha256').update(content).digest('hex')) {
      artifacts.set(sha256, content);
      return { sha256: Buffer.from(sha256, 'hex'), sizeBytes: content.byteLength };
    },
    async until(condition) {
      await new Promise<void>((resolve) => {
        const look = (): void => {
          if (condition()) {
            waiting.delete(look);
            resolve();
          }
        };
        waiting.add(look);
        look();
      });
      // The handler that made it true has yet to send its answer.
      await setImmediate();
    },
    stop() {
      listener.close();
      server.forceShutdown();
    },
  };
}

export function comeBack(latestMs: number, reason = 'Nothing to do.'): CheckInResponse {
  return { protocolRevision: 1, directive: { kind: 'comeBack', value: { earliestMs: 0, latestMs, reason } } };
}

function uploadName({ round, sha256 }: Pick<UpdateHeader, 'round' | 'sha256'>): string {
  return `${round?.runId} ${round?.round} ${round?.attempt} ${Buffer.from(sha256).toString('hex')}`;
}

/** What a coordinator answers that cannot take uploads just now. */
export const unavailable = new StarlingError({ code: 'BUSY', status: 'unavailable', message: 'Not now.' });
