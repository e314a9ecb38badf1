import type { CheckInService, Handlers } from '@starling/proto';
import type { CheckIn } from '../check-in/index.js';
import { toWire } from './errors.js';
import { callingDevice, invalid, taskNameOf } from './parse.js';
import { assignment } from './to-wire.js';

export interface CheckInHandlersOptions {
  readonly checkIn: CheckIn;
  readonly now: () => number;
}

const tasksMax = 64;
const runtimesMax = 16;
const versionLengthMax = 64;

export function checkInHandlers({ checkIn, now }: CheckInHandlersOptions): Handlers<typeof CheckInService> {
  return {
    checkIn: (request, context) =>
      toWire(async () => {
        const { capabilities, taskNames } = request;
        if (taskNames.length > tasksMax || (capabilities?.runtimes.length ?? 0) > runtimesMax) {
          throw invalid(
            'CHECK_IN_TOO_LARGE',
            `The check-in names ${taskNames.length} tasks and ${capabilities?.runtimes.length ?? 0} runtimes.`,
            `Name at most ${tasksMax} tasks and ${runtimesMax} runtimes.`,
          );
        }
        const { revision, directive } = await checkIn({
          deviceId: callingDevice(request.deviceId, context),
          protocolRevision: request.protocolRevision,
          agentVersion: (capabilities?.agentVersion ?? '').slice(0, versionLengthMax),
          capabilities: {
            runtimes: capabilities?.runtimes ?? [],
            onnxOpset: capabilities?.onnxOpset ?? 0,
            memoryBytes: capabilities?.memoryBytes ?? 0,
          },
          taskNames: taskNames.map(taskNameOf),
          holdMs: request.holdMsMax,
          signal: context.signal,
        });
        if (directive.kind === 'work') {
          const value = assignment(directive.work, now());
          return { protocolRevision: revision, directive: { kind: 'work', value } };
        }
        const { earliestMs, latestMs, reason } = directive;
        const value = { earliestMs, latestMs, reason };
        return { protocolRevision: revision, directive: { kind: 'comeBack', value } };
      }),
  };
}
