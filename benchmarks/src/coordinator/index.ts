import type { Benchmark } from '../figure.js';
import { measureAggregation } from './aggregation.js';
import { measureCheckIns } from './check-ins.js';
import { measureLimits } from './limits.js';
import { optionLines, parseOptions } from './options.js';

/** The coordinator as a process: agents that wait, updates that arrive. Needs Linux, whose /proc tells a process's memory. */
export const coordinator: Benchmark = {
  summary: 'memory of held check-ins, throughput and peak memory of aggregation',
  options: optionLines,
  async *run(options) {
    if (process.platform !== 'linux') throw new Error('This benchmark reads /proc, which only Linux has.');
    const parsed = await parseOptions(options.args);
    yield* measureLimits(parsed);
    yield* measureAggregation(parsed, options);
    yield* measureCheckIns(parsed, options);
  },
};
