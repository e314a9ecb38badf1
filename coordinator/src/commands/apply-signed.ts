/** Applies a task with its owner's signature over the plan, which is compiled here so that nobody signs unseen. */
import type { KeyObject } from 'node:crypto';
import type { Plan } from '@starling/engine';
import {
  type OperationsService,
  type PlanSignature,
  rawPublicKey,
  requireField,
  type ServiceClient,
  StarlingError,
  signPlan,
  type Task,
} from '@starling/proto';
import { compileTask, formatTask, planStatement, type TaskDefinition } from '../tasks/index.js';

export interface AppliedTask {
  readonly task: Task;
  readonly changed: boolean;
  /** What training takes on a device, by the compiler's estimate. */
  readonly memoryBytes: number;
}

export async function applySigned(
  operations: ServiceClient<typeof OperationsService>,
  definition: TaskDefinition,
  ownerKey: KeyObject,
  signal?: AbortSignal,
): Promise<AppliedTask> {
  const definitionJson = formatTask(definition);
  const before = await newestOf(operations, definition.name, signal);
  const version = (before?.version ?? 0) + 1;
  const { plan } = compileTask(definition);
  const signature = signPlanOf(definition, version, plan, ownerKey);
  const { task, changed } = await operations.applyTask({ definitionJson, signature }, { signal });
  const { memoryBytes } = plan.manifest;
  return { task: requireField(task, 'ApplyTaskResponse.task'), changed, memoryBytes };
}

/** What the owner of `ownerKey` signs for `definition` as version `taskVersion`. */
export function signDefinition(
  definition: TaskDefinition,
  taskVersion: number,
  ownerKey: KeyObject,
): PlanSignature {
  return signPlanOf(definition, taskVersion, compileTask(definition).plan, ownerKey);
}

function signPlanOf(
  definition: TaskDefinition,
  taskVersion: number,
  plan: Plan,
  ownerKey: KeyObject,
): PlanSignature {
  const statement = planStatement(definition, taskVersion, plan);
  return {
    ownerKey: rawPublicKey(ownerKey),
    signature: signPlan(statement, ownerKey),
    taskVersion,
    termsJson: statement.termsJson,
  };
}

async function newestOf(
  operations: ServiceClient<typeof OperationsService>,
  name: string,
  signal: AbortSignal | undefined,
): Promise<Task | undefined> {
  try {
    return (await operations.getTask({ name }, { signal })).task;
  } catch (error) {
    if (error instanceof StarlingError && error.code === 'TASK_UNKNOWN') return undefined;
    throw error;
  }
}
