/** What `run` is told of telemetry, as the settings that the agent works with. */

import type { Configuration } from '../configuration/sections.js';
import { defaultTelemetry, type TelemetrySettings } from '../telemetry/streams.js';

/** Streams of the configuration stand beside those that the agent fills itself, or in their place. */
export function telemetrySettings(given: Configuration['telemetry']): TelemetrySettings | undefined {
  if (given === false) return undefined;
  if (given === undefined || given === true) return defaultTelemetry;
  const { budgetMegabytes, bytesPerSecond, metricsSeconds, streams = [] } = given;
  const named = streams.map(({ name, priority, keepHours }) => ({
    name,
    priority,
    timeToLiveMs: keepHours === undefined ? null : keepHours * 3_600_000,
  }));
  const names = new Set(named.map(({ name }) => name));
  return {
    streams: [...defaultTelemetry.streams.filter(({ name }) => !names.has(name)), ...named],
    budgetBytes: budgetMegabytes === undefined ? defaultTelemetry.budgetBytes : budgetMegabytes * 1e6,
    bytesPerSecondMax: bytesPerSecond ?? null,
    metricsPeriodMs: metricsSeconds === undefined ? defaultTelemetry.metricsPeriodMs : metricsSeconds * 1_000,
  };
}
