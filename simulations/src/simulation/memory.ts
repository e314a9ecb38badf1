/** The shared arrays of a simulation, of sizes that its scenario decides once. */

import { sharedBytes, sharedDoubles, sharedFloats, sharedIndices, sharedIntegers } from '../data/examples.js';
import { devicePartOf } from '../execution/client.js';
import { resultWidth, type SharedRound, testBlock, type WorkerSums } from '../execution/setting.js';
import type { PreparedScenario } from './prepare.js';

export function shareRound(prepared: PreparedScenario, slots: number, jobs: number): SharedRound {
  const { plan, local, test, scenario, cohort } = prepared;
  const { parameterCount, metrics } = plan.manifest;
  const part = devicePartOf(local.algorithm);
  const robust = 'aggregation' in scenario.strategy && scenario.strategy.aggregation !== undefined;
  return {
    next: sharedIntegers(1),
    clients: sharedIndices(jobs),
    slots: sharedIntegers(jobs),
    staleness: sharedIntegers(jobs),
    hostile: sharedBytes(jobs),
    checkpoints: sharedFloats(slots * parameterCount),
    broadcast: sharedFloats(part.broadcastVectors * parameterCount),
    results: sharedDoubles(jobs * resultWidth(metrics.length)),
    updates: sharedFloats(robust ? cohort * parameterCount : 0),
    blocks: sharedDoubles(Math.ceil((test?.count ?? 0) / testBlock) * (metrics.length + 1)),
  };
}

export function shareSums({ plan, local }: PreparedScenario): WorkerSums {
  const { parameterCount } = plan.manifest;
  return {
    deltas: sharedDoubles(parameterCount),
    extras: sharedDoubles(devicePartOf(local.algorithm).hasExtra ? parameterCount : 0),
    masked: sharedIndices(local.layout?.vectorLength ?? 0),
  };
}
