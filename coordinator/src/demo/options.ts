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
  /** How updates travel without secure aggregation. */
  readonly encoding: 'float32' | 'stochastic-quantization';
  readonly secureAggregation: boolean;
  /** Bits of an element of a masked update, before summing. */
  readonly bits: number;
  /** Whether masked updates are rotated before they are rounded. */
  readonly rotation: boolean;
  /** Ends the run once test accuracy reaches this; left out, it makes all rounds. */
  readonly targetAccuracy: number | undefined;
  /** ε of the device-level privacy that the run may spend; left out, it promises none. */
  readonly epsilon: number | undefined;
  /** Whether every agent adds its part of the noise, instead of the coordinator. */
  readonly distributed: boolean;
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
  whole('bits', options.bits, 2, 16);
  const { targetAccuracy, strategy, epsilon } = options;
  if (options.secureAggregation && options.agents < 2) {
    throw new UsageError(
      'A sum of one agent hides nothing.',
      'Start two or more, or leave secure aggregation out with --no-secure-aggregation.',
    );
  }
  if (epsilon !== undefined && !(epsilon > 0 && Number.isFinite(epsilon))) {
    throw new UsageError('--epsilon must be a positive number, for instance 8.');
  }
  if (options.distributed && (epsilon === undefined || !options.secureAggregation)) {
    throw new UsageError(
      'Agents add noise only where there is a budget to keep and masks to add it under.',
      'Give --epsilon, and leave secure aggregation on.',
    );
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
