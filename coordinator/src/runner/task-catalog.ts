/** Tasks in the store: applied as new versions, prepared once each for the rounds. */
import { decodeManifest, ExamplesError, formatFeatureContract, openExamplesFolder } from '@starling/engine';
import type { ArtifactStore } from '../artifacts/index.js';
import { brandHash } from '../artifacts/index.js';
import { CoordinatorError, refusal } from '../errors.js';
import { storePlan } from '../evaluation/index.js';
import { parseTaskName, type TaskName } from '../ids.js';
import { withinBoundMetric } from '../privacy/index.js';
import type { RunSettings } from '../runs/index.js';
import { createSerialQueue } from '../serial-queue.js';
import type { Store, StoredTask } from '../storage/index.js';
import {
  compileTask,
  formatTask,
  groupsIn,
  initialParametersOf,
  parseStoredTask,
  parseTask,
  planStatement,
  runSettingsOf,
  secureRoundSettings,
  type TaskDefinition,
} from '../tasks/index.js';
import { type AppliedSignature, checkOwner, checkSignature } from './plan-owner.js';
import type { PreparedTask } from './prepared-task.js';

export interface TaskCatalog {
  /**
   * Stores a definition, as a new version where it differs from the newest, once its owner signed what it compiles to.
   * Throws `TASK_INVALID`, `PLAN_UNSIGNED`, `PLAN_OWNER_MISMATCH`, `TASK_VERSION_CONFLICT`, `PLAN_SIGNATURE_INVALID`.
   */
  apply(
    definitionJson: string,
    signature: AppliedSignature | undefined,
  ): Promise<{ readonly task: StoredTask; readonly changed: boolean }>;
  /** Throws `TASK_UNKNOWN`. */
  get(name: TaskName): Promise<StoredTask>;
  list(): Promise<readonly StoredTask[]>;
  /** A version ready for rounds; the newest where none is named. Throws `TASK_UNKNOWN`. */
  prepare(name: TaskName, version?: number): Promise<PreparedTask>;
  /** The prepared task where it is in memory already: check-in asks for every device and must not read the store. */
  prepared(name: TaskName): PreparedTask | undefined;
  /** Prepares the newest version of every task. */
  warmUp(): Promise<void>;
}

export function createTaskCatalog(store: Store, artifacts: ArtifactStore, now: () => number): TaskCatalog {
  const cache = new Map<string, Promise<PreparedTask>>();
  const newest = new Map<TaskName, PreparedTask>();
  const applying = createSerialQueue();

  const prepareStored = (stored: StoredTask): Promise<PreparedTask> => {
    const slot = `${stored.name} ${stored.version}`;
    const known = cache.get(slot);
    if (known !== undefined) return known;
    const prepared = prepareTask(stored, artifacts);
    cache.set(slot, prepared);
    prepared.catch(() => cache.delete(slot));
    return prepared;
  };

  const get = async (name: TaskName, version?: number): Promise<StoredTask> => {
    const stored = await (version === undefined
      ? store.tasks.newest(name)
      : store.tasks.version(name, version));
    if (stored !== undefined) return stored;
    const which = version === undefined ? `task named ${name}` : `version ${version} of task ${name}`;
    throw new CoordinatorError(
      refusal('not-found', 'TASK_UNKNOWN', `There is no ${which}.`, 'Apply it first, or list the tasks.'),
    );
  };

  const catalog: TaskCatalog = {
    apply: (definitionJson, signature) =>
      applying.run(async () => {
        const definition = parseTask(definitionJson);
        const name = parseTaskName(definition.name);
        if (name === undefined) throw new Error('a parsed task has a valid name');
        const canonical = formatTask(definition);
        const before = await store.tasks.newest(name);
        const version = (before?.version ?? 0) + 1;
        const owner = checkOwner(name, before, signature);
        if (before?.definitionJson === canonical) return { task: before, changed: false };
        await checkCentralExamples(definition);
        const { plan } = compileTask(definition);
        const task: StoredTask = {
          name,
          version,
          signature: checkSignature(planStatement(definition, version, plan), owner),
          definitionJson: canonical,
          planManifest: await storePlan(artifacts, plan),
          parameterCount: plan.manifest.parameterCount,
          updatedAtMs: now(),
        };
        await store.tasks.add(task);
        newest.set(name, await prepareStored(task));
        return { task, changed: true };
      }),

    get,
    list: () => store.tasks.list(),

    async prepare(name, version) {
      return prepareStored(await get(name, version));
    },

    prepared: (name) => newest.get(name),

    async warmUp() {
      for (const stored of await store.tasks.list()) newest.set(stored.name, await prepareStored(stored));
    },
  };
  return catalog;
}

/** Finds out now what would otherwise be missing after every round of a run. */
async function checkCentralExamples({ contract, evaluation }: TaskDefinition): Promise<void> {
  if (evaluation.central === null) return;
  try {
    await openExamplesFolder(evaluation.central.examples, contract);
  } catch (error) {
    if (!(error instanceof ExamplesError)) throw error;
    throw new CoordinatorError(
      refusal(
        'invalid-argument',
        'TASK_INVALID',
        `The examples for central evaluation cannot be used. ${error.message}`,
        "They are read on the coordinator's machine. Mend them, or the task, and apply it again.",
      ),
    );
  }
}

async function prepareTask(stored: StoredTask, artifacts: ArtifactStore): Promise<PreparedTask> {
  const definition = parseStoredTask(stored.definitionJson);
  const { training, evaluation } = definition;
  // The stored plan counts, not what today's compiler would make of the definition: devices may hold it already.
  const manifest = decodeManifest(await artifacts.load(stored.planManifest.sha256));
  const metricNames = manifest.metrics.map((metric) => metric.name);
  const runSettings = runSettingsOf(definition, manifest.parameterCount);
  const files = manifest.files.map(({ sha256, bytes }) => ({ sha256: brandHash(sha256), sizeBytes: bytes }));
  return {
    name: stored.name,
    version: stored.version,
    signature: stored.signature,
    planManifest: stored.planManifest,
    planArtifacts: [stored.planManifest, ...files],
    requires: manifest.requires,
    memoryBytes: manifest.memoryBytes,
    parameterCount: manifest.parameterCount,
    metricNames,
    analytics: null,
    updateMetricNames: updateMetricNames(metricNames, runSettings),
    featureContractJson: formatFeatureContract(definition.contract),
    encoding: definition.encoding,
    secure: secureOf(definition, manifest.parameterCount, metricNames),
    strategy: definition.strategy,
    epochs: training.epochs,
    learningRateAt: (round) => training.learningRate * training.learningRateDecay ** (round - 1),
    examplesMax: training.examplesMax,
    holdoutPermille: Math.round((evaluation.federated?.holdout ?? 0) * 1000),
    runSettings,
    initialParameters: initialParametersOf(definition, manifest),
    centralExamplesFolder: evaluation.central?.examples ?? null,
  };
}

function secureOf(
  definition: TaskDefinition,
  parameterCount: number,
  metricNames: readonly string[],
): PreparedTask['secure'] {
  const { cohort, strategy } = definition;
  const groups = groupsIn(strategy);
  const train = secureRoundSettings(definition, cohort, parameterCount, metricNames, groups);
  const evaluationCohort = definition.evaluation.federated?.cohort ?? definition.cohort;
  // An evaluation has no update: nothing but metrics is summed.
  const evaluate = secureRoundSettings(definition, evaluationCohort, 1, metricNames);
  // What a question sums it says itself; nobody needs a robust answer, so that the whole cohort is summed.
  const analyze = secureRoundSettings(definition, cohort, parameterCount, metricNames);
  return train && evaluate && analyze && { train, evaluate, analyze };
}

/** Under privacy no device tells what it saw in training; only whether its update was within a bound that adapts. */
function updateMetricNames(metricNames: readonly string[], { privacy }: RunSettings): readonly string[] {
  if (privacy === null) return metricNames;
  return privacy.clipping.kind === 'adaptive' ? [withinBoundMetric] : [];
}
