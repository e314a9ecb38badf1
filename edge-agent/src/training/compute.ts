import { type ExampleSource, localStart, type PlanManifest, type TrainResult } from '@starling/engine';
import { sampleExamples, splitHoldout } from '@starling/engine/examples';
import { type Clock, createSeededEntropy, type Entropy, encodeUpdate } from '@starling/federation';
import type { Assignment, Outcome, RoundKey, Work } from '../connection/assignment.js';
import type { WorkLimits } from '../connection/read-assignment.js';
import { AgentError } from '../errors.js';
import type { TaskExamples } from '../examples/task-examples.js';
import type { LocalModel, LocalStore } from '../state/local-store.js';
import type { UpdateStore } from '../state/update-store.js';
import { analyze } from './analyze.js';
import type { ArtifactCache } from './artifact-cache.js';
import { clearOutcome } from './clear-outcome.js';
import { type FetchedWork, readWork } from './fetch-plan.js';
import { maskedOutcome } from './masked-outcome.js';
import { protect } from './protect.js';
import type { Sessions } from './sessions.js';

export interface Workshop {
  readonly cache: ArtifactCache;
  readonly examples: TaskExamples;
  readonly sessions: Sessions;
  readonly updates: UpdateStore;
  readonly locals: LocalStore;
  readonly clock: Clock;
  readonly limits: WorkLimits;
  /** Of the operating system: whoever can guess it can take this device's noise off. */
  readonly entropy: Entropy;
  /** The vector under the masks of a round that was joined. */
  mask(round: RoundKey, vector: Uint32Array): Promise<Uint8Array>;
}

/**
 * Which examples are held out must be the same in every round, whatever the round's seed: one that was trained on
 * would flatter the evaluation.
 */
const holdoutSeed = 0;

/**
 * Gives what the round asked for. An update is kept in the state directory before this settles.
 *
 * @throws ExamplesError, AgentError, PlanError, or the runtime's error; the signal's reason once it aborted
 */
export async function compute(
  workshop: Workshop,
  assignment: Assignment,
  signal: AbortSignal,
): Promise<Outcome> {
  if (assignment.work.kind === 'analyze') return analyze(workshop, assignment, assignment.work, signal);
  const source = await workshop.examples.open(assignment.taskName, assignment.contract);
  const { training, heldOut } = splitHoldout(source, assignment.holdoutPermille, holdoutSeed);
  const work = await readWork(assignment, workshop.cache, workshop.limits);
  signal.throwIfAborted();
  if (assignment.work.kind === 'evaluate') {
    return evaluate(workshop, assignment, work, heldOut, signal);
  }
  return train(workshop, assignment, assignment.work, work, training, signal);
}

async function evaluate(
  workshop: Workshop,
  assignment: Assignment,
  { plan, parameters }: FetchedWork,
  examples: ExampleSource,
  signal: AbortSignal,
): Promise<Outcome> {
  requireExamples(examples, assignment, 'held out for evaluation');
  const session = await workshop.sessions.get(assignment.planManifest.sha256, () => plan);
  const start = localStart(plan);
  const local = start && ((await workshop.locals.load(localModel(assignment))) ?? start);
  const metrics = await session.evaluate({ parameters, examples, signal, ...(local && { local }) });
  const { secure } = assignment;
  if (secure === undefined) return { kind: 'evaluation', metrics };
  // There is no update: its one element stays 0, and metrics are what is summed.
  const delta = new Float32Array(secure.settings.layout.parameterCount);
  const told = { exampleCount: examples.count, metrics };
  return maskedOutcome(workshop, assignment, secure, delta, told, createSeededEntropy(0));
}

async function train(
  workshop: Workshop,
  assignment: Assignment,
  settings: Work & { kind: 'train' },
  { plan, parameters }: FetchedWork,
  allExamples: ExampleSource,
  signal: AbortSignal,
): Promise<Outcome> {
  requireExamples(allExamples, assignment, 'left for training');
  const { epochs, learningRate, seed, examplesMax } = settings;
  const examples = examplesMax === 0 ? allExamples : sampleExamples(allExamples, examplesMax, seed);
  const session = await workshop.sessions.get(assignment.planManifest.sha256, () => plan);
  const start = localStart(plan);
  const kept = localModel(assignment);
  const { round } = assignment.round;
  const local = start && ((await workshop.locals.load(kept, round)) ?? start);
  const startedMs = workshop.clock.monotonic();
  const result = await session.train({
    parameters,
    examples,
    epochs,
    learningRate,
    seed,
    signal,
    ...(local && { local }),
  });
  const trainingMs = Math.round(workshop.clock.monotonic() - startedMs);
  checkResult(result, plan.manifest);
  signal.throwIfAborted();
  // Before the update: a crash between both trains the round again, from what there was before it.
  if (local && result.local) await workshop.locals.save(kept, round, local, result.local);
  const told = protect(
    result.delta,
    { exampleCount: examples.count, metrics: result.metrics },
    settings.privacy,
  );
  if (assignment.secure !== undefined) {
    signal.throwIfAborted();
    const { secure } = assignment;
    return maskedOutcome(workshop, assignment, secure, result.delta, told, roundingEntropy(settings));
  }
  const payload = encodeUpdate(result.delta, settings.encoding, roundingEntropy(settings));
  signal.throwIfAborted();
  return clearOutcome(workshop.updates, assignment, payload, told, trainingMs);
}

/**
 * The seed of the assignment, which is another one for each round and device, decides the rounding too, in a stream of
 * its own; and nothing else does, so that the same run twice gives the same updates bit for bit.
 */
function roundingEntropy({ seed }: Work & { kind: 'train' }) {
  return createSeededEntropy(seed).fork('stochastic rounding');
}

function localModel({ taskName, round, planManifest }: Assignment): LocalModel {
  return { taskName, runId: round.runId, plan: planManifest.sha256 };
}

function requireExamples(examples: ExampleSource, assignment: Assignment, what: string): void {
  if (examples.count === 0) {
    throw new AgentError(
      'agent/examples-missing',
      `No examples of the task ${assignment.taskName} are ${what}: ${assignment.holdoutPermille} thousandths are held out. Record more, or change the share.`,
    );
  }
}

function checkResult(
  { delta, local, metrics }: TrainResult,
  { parameterCount, local: layout }: PlanManifest,
): void {
  if (local?.length !== layout?.count) {
    throw new AgentError(
      'agent/plan-mismatch',
      `Training gave ${local?.length ?? 0} numbers to keep where the plan has ${layout?.count ?? 0}.`,
    );
  }
  if (delta.length !== parameterCount) {
    throw new AgentError(
      'agent/plan-mismatch',
      `Training gave a delta of ${delta.length} elements where the plan has ${parameterCount} parameters.`,
    );
  }
  const finite = delta.every(Number.isFinite) && Object.values(metrics.sums).every(Number.isFinite);
  if (!finite || !Number.isFinite(metrics.weight)) {
    throw new AgentError(
      'agent/not-finite',
      'Training gave numbers that are not finite; a smaller learning rate may help.',
    );
  }
}
