/** Streams: what is buffered together, in order, with one promise about how long and how dearly it is kept. */
import { AgentError } from '../errors.js';

/** From what is given up first to what is given up last. */
export const priorities = ['low', 'normal', 'high', 'critical'] as const;
export type Priority = (typeof priorities)[number];

export interface StreamSettings {
  /** 1 to 64 characters of `[A-Za-z0-9._-]`. */
  readonly name: string;
  readonly priority: Priority;
  /** Records older than this are given up, and reported as expired; `null` keeps them until they are delivered. */
  readonly timeToLiveMs: number | null;
}

export interface TelemetrySettings {
  readonly streams: readonly StreamSettings[];
  /** Most bytes of records to keep; what is beyond it is given up, of the lowest priority first. */
  readonly budgetBytes: number;
  /** Most bytes to send in a second, compressed; `null` for no limit. */
  readonly bytesPerSecondMax: number | null;
  /** How often the device's own metrics are read. */
  readonly metricsPeriodMs: number;
}

const dayMs = 86_400_000;

/** What an agent sends of itself, and what is given to it by the streams' names. */
export const defaultTelemetry: TelemetrySettings = {
  streams: [
    { name: 'events', priority: 'critical', timeToLiveMs: null },
    { name: 'logs', priority: 'normal', timeToLiveMs: 7 * dayMs },
    { name: 'metrics', priority: 'low', timeToLiveMs: 7 * dayMs },
  ],
  budgetBytes: 64 * 1024 * 1024,
  bytesPerSecondMax: null,
  metricsPeriodMs: 60_000,
};

/** Smaller budgets would be filled by what a single write holds. */
export const budgetBytesMin = 64 * 1024;

/** @throws AgentError `agent/configuration` that names the setting */
export function checkTelemetry(settings: TelemetrySettings): void {
  const { streams, budgetBytes, bytesPerSecondMax, metricsPeriodMs } = settings;
  const refuse = (message: string): never => {
    throw new AgentError('agent/configuration', message);
  };
  const seen = new Set<string>();
  for (const { name, timeToLiveMs } of streams) {
    if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) {
      refuse(
        `telemetry.streams: ${JSON.stringify(name)} is no name of a stream; use 1 to 64 of A-Z a-z 0-9 . _ -.`,
      );
    }
    if (seen.has(name)) refuse(`telemetry.streams: ${name} is there twice; remove one.`);
    seen.add(name);
    if (timeToLiveMs !== null && !(timeToLiveMs > 0)) {
      refuse(`telemetry.streams: ${name}.timeToLive must be longer than nothing, got ${timeToLiveMs} ms.`);
    }
  }
  if (!(budgetBytes >= budgetBytesMin)) {
    refuse(`telemetry.budgetBytes must be at least ${budgetBytesMin}, got ${budgetBytes}.`);
  }
  if (bytesPerSecondMax !== null && !(bytesPerSecondMax >= 1024)) {
    refuse(`telemetry.bytesPerSecondMax must be at least 1024, got ${bytesPerSecondMax}.`);
  }
  if (!(metricsPeriodMs >= 1_000)) {
    refuse(`telemetry.metricsPeriod must be at least a second, got ${metricsPeriodMs} ms.`);
  }
}
