/**
 * OpenTelemetry in the agent: instruments made through its API by any part of the agent, and what the agent logs, become
 * records of the streams `metrics` and `logs`.
 */
import { metrics } from '@opentelemetry/api';
import { logs, SeverityNumber } from '@opentelemetry/api-logs';
import { LoggerProvider, type LogRecordProcessor } from '@opentelemetry/sdk-logs';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import type { Clock } from '@starling/federation';
import type { Log } from '../../connection/shell.js';
import type { InferenceService } from '../../inference/index.js';
import type { Telemetry } from '../telemetry.js';
import { type DeviceMetricsOptions, observeDevice } from './device-metrics.js';
import { attributesOf, metricRecords } from './metric-records.js';
import { observeInference, observeTraining, type TrainingMetrics } from './model-metrics.js';

export interface InstrumentationOptions extends DeviceMetricsOptions {
  readonly telemetry: Pick<Telemetry, 'record'>;
  /** The models that are served, if there are any. */
  readonly inference?: Pick<InferenceService, 'statistics' | 'observe'> | undefined;
  /** How often metrics are read. */
  readonly periodMs: number;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

export interface Instrumentation {
  readonly training: TrainingMetrics;
  /** Reads the metrics once more and stops. */
  close(): Promise<void>;
}

/** Time comes from the clock port: something else asks when to read. */
class AskedReader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

export function startInstrumentation(options: InstrumentationOptions): Instrumentation {
  const { telemetry, periodMs, clock, onError } = options;
  const reader = new AskedReader();
  const meters = new MeterProvider({ readers: [reader] });
  metrics.setGlobalMeterProvider(meters);
  observeDevice(meters.getMeter('starling.device'), options);
  const { inference } = options;
  const stopObserving = inference && observeInference(meters.getMeter('starling.inference'), inference);
  const training = observeTraining(meters.getMeter('starling.training'));

  const logRecords: LogRecordProcessor = {
    onEmit({ hrTime, severityText, body, attributes }) {
      const level = { key: 'severity', value: severityText ?? '' };
      const record = {
        timeUnixMs: hrTime[0] * 1_000 + Math.floor(hrTime[1] / 1e6),
        name: 'log',
        attributes: [level, ...attributesOf(attributes).slice(0, 31)],
        value: { kind: 'text', value: String(body).slice(0, 4_096) } as const,
      };
      telemetry.record('logs', [record]).catch(onError);
    },
    async forceFlush() {},
    async shutdown() {},
  };
  const loggers = new LoggerProvider({ processors: [logRecords] });
  logs.setGlobalLoggerProvider(loggers);

  const read = async (): Promise<void> => {
    const { resourceMetrics } = await reader.collect();
    const records = metricRecords(resourceMetrics, clock.now());
    if (records.length > 0) await telemetry.record('metrics', records);
  };
  const tick = (): void => {
    read().catch(onError);
    scheduled = clock.schedule(periodMs, tick);
  };
  let scheduled = clock.schedule(0, tick);
  return {
    training,
    async close() {
      scheduled.cancel();
      await read().catch(onError);
      stopObserving?.();
      metrics.disable();
      logs.disable();
      await meters.shutdown();
      await loggers.shutdown();
    },
  };
}

/** The same log, which tells OpenTelemetry too: warnings and errors, whatever the level of the log is. */
export function instrumentedLog(log: Log, clock: Clock): Log {
  const emit = (severityNumber: SeverityNumber, severityText: string, fields: object, body: string): void => {
    const logger = logs.getLogger('starling-agent');
    // What fields hold beside primitives, such as errors with stacks, stays on the device.
    const attributes = Object.fromEntries(attributesOf({ ...fields }).map(({ key, value }) => [key, value]));
    logger.emit({ severityNumber, severityText, body, attributes, timestamp: clock.now() });
  };
  return {
    info: (fields, message) => log.info(fields, message),
    warn(fields, message) {
      log.warn(fields, message);
      emit(SeverityNumber.WARN, 'warn', fields, message);
    },
    error(fields, message) {
      log.error(fields, message);
      emit(SeverityNumber.ERROR, 'error', fields, message);
    },
  };
}
