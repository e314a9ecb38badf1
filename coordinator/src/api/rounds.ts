import type { Handlers, RoundService, FailureReason as WireFailureReason } from '@starling/proto';
import type { DeviceRegistry } from '../check-in/index.js';
import { type FailureReason, type RoundState, standingOf } from '../rounds/index.js';
import type { Runner } from '../runner/index.js';
import { toWire } from './errors.js';
import { callingDevice, invalid, metricSumsOf, roundKeyOf, sha256Of } from './parse.js';
import { remainingMs } from './to-wire.js';
import { receiveUpdate, type UploadOptions } from './upload.js';

export interface RoundHandlersOptions extends UploadOptions {
  readonly registry: DeviceRegistry;
  readonly runner: Runner;
  readonly now: () => number;
}

const failureMessageMax = 500;

export function roundHandlers(options: RoundHandlersOptions): Handlers<typeof RoundService> {
  const { registry, runner, spool, now } = options;
  return {
    getRoundState: (request, context) =>
      toWire(async () => {
        const deviceId = callingDevice(request.deviceId, context);
        registry.require(deviceId);
        const { round } = await runner.locate(roundKeyOf(request.round, 'GetRoundStateRequest.round'));
        return {
          stage: round.stage,
          selected: 'cohort' in round && round.cohort.has(deviceId),
          counted: standingOf(round, deviceId).kind === 'counted',
          deadlineMs: remainingMs(deadlineAtMs(round), now()),
          reason: round.stage === 'abandoned' ? round.event.reason : '',
        };
      }),

    getUpload: (request, context) =>
      toWire(async () => {
        const deviceId = callingDevice(request.deviceId, context);
        registry.require(deviceId);
        const key = roundKeyOf(request.round, 'GetUploadRequest.round');
        const sha256 = sha256Of(request.sha256, 'GetUploadRequest.sha256');
        if (!(await runner.mayContribute(key, deviceId))) return { receivedBytes: 0, counted: true };
        return { receivedBytes: await spool.receivedBytes({ key, deviceId, sha256 }), counted: false };
      }),

    uploadUpdate: (requests, context) => toWire(() => receiveUpdate(requests, context, options)),

    reportEvaluation: (request, context) =>
      toWire(async () => {
        const deviceId = callingDevice(request.deviceId, context);
        registry.require(deviceId);
        const key = roundKeyOf(request.round, 'ReportEvaluationRequest.round');
        const { round, task } = await runner.locate(key);
        if (round.started.purpose !== 'evaluate') {
          throw invalid(
            'WRONG_PURPOSE',
            `Round ${key.round}, attempt ${key.attempt} of run ${key.runId} trains; it takes updates, not evaluations.`,
            'Do what the assignment says.',
          );
        }
        const metrics = metricSumsOf(request.metrics, task.metricNames, 'ReportEvaluationRequest.metrics');
        const contribution = { deviceId, payloadBytes: 0, metrics };
        return { newlyCounted: await runner.contribute(key, { contribution, payload: null }) };
      }),

    reportFailure: (request, context) =>
      toWire(async () => {
        const deviceId = callingDevice(request.deviceId, context);
        registry.require(deviceId);
        const key = roundKeyOf(request.round, 'ReportFailureRequest.round');
        const message = request.message.slice(0, failureMessageMax);
        await runner.failDevice(key, deviceId, failureReasonOf(request.reason), message);
        return {};
      }),
  };
}

function deadlineAtMs(round: RoundState): number {
  return 'deadlineAtMs' in round ? round.deadlineAtMs : 0;
}

/** A reason that this revision does not know is still a failure. */
function failureReasonOf(reason: WireFailureReason): FailureReason {
  return reason === 'unspecified' ? 'interrupted' : reason;
}
