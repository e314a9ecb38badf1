/** A task as the rounds need it: its plan and settings, read and checked once. */
import { runtimeNames } from '@starling/engine';
import type {
  AnalyticsQuery,
  SecureRoundSettings,
  StrategyDefinition,
  UpdateEncoding,
} from '@starling/federation';
import type { ArtifactRef, TaskName } from '../ids.js';
import { underPrivacy } from '../privacy/index.js';
import type { RoundPurpose, RoundState } from '../rounds/index.js';
import type { QuerySignature, RunSettings } from '../runs/index.js';
import type { OwnerSignature } from '../storage/index.js';

export interface PreparedTask {
  readonly name: TaskName;
  readonly version: number;
  readonly signature: OwnerSignature;
  readonly planManifest: ArtifactRef;
  /** Every artifact of the plan, the manifest included. */
  readonly planArtifacts: readonly ArtifactRef[];
  readonly requires: { readonly runtime: string; readonly opset: number };
  /** What training takes on a device, by the plan's own estimate. */
  readonly memoryBytes: number;
  readonly parameterCount: number;
  readonly metricNames: readonly string[];
  /** What devices send beside an update in a training round. */
  readonly updateMetricNames: readonly string[];
  /** What devices are asked instead of being trained on; `null` where they train. */
  readonly analytics: AnalyticsQuery | null;
  readonly querySignature?: QuerySignature | undefined;
  /** Canonical JSON of the feature contract. */
  readonly featureContractJson: string;
  readonly encoding: UpdateEncoding;
  /** How contributions to rounds of a purpose are summed under masks; `null` where they travel in the clear. */
  readonly secure: Readonly<Record<RoundPurpose, SecureRoundSettings>> | null;
  readonly strategy: StrategyDefinition;
  readonly epochs: number;
  /** The local step size in a round, counted from 1. */
  readonly learningRateAt: (round: number) => number;
  /** 0 means all. */
  readonly examplesMax: number;
  readonly holdoutPermille: number;
  readonly runSettings: RunSettings;
  /** The parameters a run starts from: `[parameterCount]`, decided by the seed. */
  readonly initialParameters: (seed: number) => Float32Array;
  /** Folder with the coordinator's own evaluation examples. */
  readonly centralExamplesFolder: string | null;
}

/** The needs of a task that an agent with these capabilities does not meet, as a sentence. */
export interface AgentCapabilities {
  readonly runtimes: readonly string[];
  readonly onnxOpset: number;
  /** Memory that training may use; 0 where it is not limited. */
  readonly memoryBytes: number;
}

/** Those that a plan may require. */
const trainingRuntimes: readonly string[] = runtimeNames;

/** `undefined` where the agent can execute the task's plan, else a sentence that says what is missing. */
export function missingCapability(
  task: Pick<PreparedTask, 'name' | 'requires' | 'memoryBytes'>,
  capabilities: AgentCapabilities,
): string | undefined {
  const { runtime, opset } = task.requires;
  const usable = capabilities.runtimes.filter((name) => runtime === 'any' || name === runtime);
  if (!usable.some((name) => trainingRuntimes.includes(name))) {
    return runtime === 'any'
      ? `Task ${task.name} needs one of the runtimes ${trainingRuntimes.join(' and ')}, of which this agent has none.`
      : `Task ${task.name} needs the runtime ${runtime}, which this agent does not have.`;
  }
  if (!usable.includes('tfjs') && capabilities.onnxOpset < opset) {
    return `Task ${task.name} needs ONNX operator set ${opset}; this agent's runtime loads up to ${capabilities.onnxOpset}.`;
  }
  const { memoryBytes } = capabilities;
  if (memoryBytes > 0 && memoryBytes < task.memoryBytes) {
    const [needed, allowed] = [Math.ceil(task.memoryBytes / 1e6), Math.floor(memoryBytes / 1e6)];
    return `Task ${task.name} takes about ${needed} MB to train; this agent allows ${allowed} MB.`;
  }
  return undefined;
}

/** How an attempt's contributions are summed under masks; `null` where they travel in the clear. */
export function secureSettingsOf(
  task: Pick<PreparedTask, 'secure'>,
  { started: { settings, purpose, privacy } }: Pick<RoundState, 'started'>,
): SecureRoundSettings | null {
  if (settings.secure === null || task.secure === null) return null;
  const secure = task.secure[purpose];
  return privacy === null ? secure : underPrivacy(secure, privacy);
}
