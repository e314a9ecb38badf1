/** The shared arrays of a simulation, of sizes that its scenario decides once. */
import type { PlanManifest } from '@starling/engine';
import { sharedBytes, sharedDoubles, sharedFloats, sharedIndices, sharedIntegers } from '../data/examples.js';
import { devicePartOf } from './client.js';
import { type LocalSettings, resultWidth, type SharedRound, testBlock, type WorkerSums } from './setting.js';

export interface RoundShape {
  readonly manifest: PlanManifest;
  readonly local: LocalSettings;
  /** Checkpoints that are trained from at the same time. */
  readonly slots: number;
  /** Most clients that train or are evaluated in one go. */
  readonly jobs: number;
  /** Whether the aggregate looks at single updates. */
  readonly keepsUpdates: boolean;
  /** Test examples, in blocks. */
  readonly testCount: number;
}

export function shareRound({
  manifest,
  local,
  slots,
  jobs,
  keepsUpdates,
  testCount,
}: RoundShape): SharedRound {
  const { parameterCount, metrics } = manifest;
  return {
    next: sharedIntegers(1),
    clients: sharedIndices(jobs),
    slots: sharedIntegers(jobs),
    staleness: sharedIntegers(jobs),
    epochs: sharedIntegers(jobs),
    hostile: sharedBytes(jobs),
    checkpoints: sharedFloats(slots * parameterCount),
    broadcast: sharedFloats(devicePartOf(local.algorithm).broadcastVectors * parameterCount),
    results: sharedDoubles(jobs * resultWidth(metrics.length)),
    updates: sharedFloats(keepsUpdates ? jobs * parameterCount : 0),
    blocks: sharedDoubles(testBlocks(testCount) * (metrics.length + 1)),
  };
}

export const testBlocks = (testCount: number): number => Math.ceil(testCount / testBlock);

export function shareSums({ manifest, local }: Pick<RoundShape, 'manifest' | 'local'>): WorkerSums {
  const { parameterCount } = manifest;
  return {
    deltas: sharedDoubles(parameterCount),
    extras: sharedDoubles(devicePartOf(local.algorithm).hasExtra ? parameterCount : 0),
    masked: sharedIndices(local.layout?.vectorLength ?? 0),
  };
}
