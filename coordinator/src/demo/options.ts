import { strategyKinds } from '@starling/federation';
import { UsageError } from '../commands/explain.js';

export interface DemoOptions {
  readonly agents: number;
  readonly rounds: number;
  /** Every agent has a random sample of all digits, instead of two classes. */
  readonly iid: boolean;
  readonly seed: number;
  /** Name of a strategy with its default settings; left out, what suits the split. */
  readonly strategy: string | undefined;
  readonly encoding: 'float32' | 'stochastic-quantization';
  /** Ends the run once test accuracy reaches this; left out, it makes all rounds. */
  readonly targetAccuracy: number | undefined;
  /** ε of the device-level privacy that the run may spend; left out, it promises none. */
  readonly epsilon: number | undefined;
  /** Where everything is kept; left out, a temporary folder. */
  readonly folder: string | undefined;
  /** Keeps the temporary folder. */
  readonly keep: boolean;
  /** Path of the agent's entry file; left out, the package `@starling/edge-agent`. */
  readonly agent: string | undefined;
  readonly json: boolean;
}

/** An agent is a process with a model in memory; more than this is a simulation's job. */
const agentsMax = 100;

/** Throws a `UsageError` that says what is allowed. */
export function checkDemoOptions(options: DemoOptions): void {
  whole('agents', options.agents, 1, agentsMax);
  whole('rounds', options.rounds, 1, 10_000);
  whole('seed', options.seed, 0, 0xffff_ffff);
  const { targetAccuracy, strategy, epsilon } = options;
  if (epsilon !== undefined && !(epsilon > 0 && Number.isFinite(epsilon))) {
    throw new UsageError('--epsilon must be a positive number, for instance 8.');
  }
  if (targetAccuracy !== undefined && !(targetAccuracy > 0 && targetAccuracy <= 1)) {
    throw new UsageError('--target-accuracy must be above 0 and at most 1, for instance 0.95.');
  }
  if (strategy !== undefined && !strategyKinds.some((kind) => kind === strategy)) {
    throw new UsageError(`--strategy must be one of ${strategyKinds.join(', ')}.`);
  }
}

function whole(name: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  throw new UsageError(`--${name} must be a whole number from ${least} to ${most}.`);
}
