import type { Log } from '../log.js';
import type { RunEvent, RunState } from '../runs/index.js';

/** One line for what an operator wants to follow; what devices send one by one is for debugging. */
export function logEvents(log: Log, state: RunState, events: readonly RunEvent[]): void {
  const { runId } = state.started;
  for (const event of events) {
    switch (event.kind) {
      case 'round-committed': {
        const { updates, durationMs, bytesUploaded } = event;
        log.info({ runId, round: event.key.round, updates, durationMs, bytesUploaded }, 'round committed');
        break;
      }
      case 'round-abandoned':
        log.warn(
          { runId, round: event.key.round, code: event.code, reason: event.reason },
          'round abandoned',
        );
        break;
      case 'device-failed':
        log.warn(
          { runId, device: event.deviceId, reason: event.reason, message: event.message },
          'device failed',
        );
        break;
      case 'metrics-measured':
        log.info({ runId, round: event.round, metrics: event.metrics }, 'metrics measured');
        break;
      case 'evaluation-skipped':
        log.warn(
          { runId, round: event.round, source: event.source, reason: event.reason },
          'evaluation skipped',
        );
        break;
      case 'run-ended':
        log.info({ runId, state: event.state, reason: event.reason }, 'run ended');
        break;
      default:
        log.debug({ runId, kind: event.kind }, 'event');
    }
  }
}
