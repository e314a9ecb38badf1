/** The gate of a device: its conditions, read from Linux and from the models it serves. */
import type { Clock } from '@starling/federation';
import type { Log } from '../connection/shell.js';
import {
  type InferenceService,
  type LatencySnapshot,
  latencyBetween,
  latencyQuantile,
} from '../inference/index.js';
import type { Conditions } from './decide.js';
import { readLinux } from './linux-readings.js';
import { readOverride } from './override.js';
import { type TrainingGate, watchConditions } from './watch.js';

export interface ConditionsOptions {
  readonly conditions: Conditions;
  readonly meteredInterfaces: readonly string[];
  readonly stateFolder: string;
  readonly service: InferenceService | undefined;
  /** Where `sys` and `proc` are; `/` unless told. */
  readonly root?: string | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export function startConditions(options: ConditionsOptions): Promise<TrainingGate> {
  const { conditions, meteredInterfaces, stateFolder, service, root = '/', clock, log } = options;
  return watchConditions(conditions, {
    read: () => readLinux({ root, meteredInterfaces, clock }),
    override: () => readOverride(stateFolder),
    inferenceP99Ms: latencyWatch(service),
    clock,
    log,
  });
}

/** Fewer answers say nothing of the slowest hundredth. */
const answersMin = 20;

/** The slowest model's 99th percentile since the last call. */
function latencyWatch(service: InferenceService | undefined): () => number | undefined {
  const seen = new Map<string, LatencySnapshot>();
  return () => {
    let slowest: number | undefined;
    for (const { model, version, latency } of service?.statistics() ?? []) {
      const key = `${model}/${version}`;
      const before = seen.get(key);
      seen.set(key, latency);
      const lately = before === undefined ? latency : latencyBetween(before, latency);
      if (lately.count >= answersMin) slowest = Math.max(slowest ?? 0, latencyQuantile(lately, 0.99));
    }
    return slowest;
  };
}
