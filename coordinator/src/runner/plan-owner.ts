/** Whether a task's owner stands behind a plan. The coordinator asks before devices do, so that mistakes show early. */
import { isPlanSignature, isQuerySignature, type SignedPlan } from '@starling/proto';
import { CoordinatorError, type ErrorStatus, refusal } from '../errors.js';
import type { TaskName } from '../ids.js';
import type { QuerySignature } from '../runs/index.js';
import type { OwnerSignature, StoredTask } from '../storage/index.js';
import type { PreparedTask } from './prepared-task.js';

/** As it came with a definition. */
export interface AppliedSignature {
  readonly ownerKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly taskVersion: number;
  readonly termsJson: string;
}

/** Throws `PLAN_UNSIGNED`, `PLAN_OWNER_MISMATCH`. */
export function checkOwner(
  name: TaskName,
  before: StoredTask | undefined,
  signature: AppliedSignature | undefined,
): AppliedSignature {
  if (signature === undefined) {
    throw planError(
      'invalid-argument',
      'PLAN_UNSIGNED',
      `The plan of task ${name} is not signed, and no device would obey it.`,
      'Apply it with the command "starling task apply", which signs it with the owner’s key.',
    );
  }
  if (before !== undefined && !Buffer.from(before.signature.ownerKey).equals(signature.ownerKey)) {
    throw planError(
      'permission-denied',
      'PLAN_OWNER_MISMATCH',
      `The task ${name} belongs to the owner of another key, which devices have pinned.`,
      'Use that key (--key FILE), or give the task another name.',
    );
  }
  return signature;
}

/** Throws `TASK_VERSION_CONFLICT`, `PLAN_SIGNATURE_INVALID`. */
export function checkSignature(plan: SignedPlan, applied: AppliedSignature): OwnerSignature {
  if (applied.taskVersion !== plan.taskVersion) {
    throw planError(
      'aborted',
      'TASK_VERSION_CONFLICT',
      `The signature is over version ${applied.taskVersion} of task ${plan.taskName}; the next one is ${plan.taskVersion}.`,
      'Somebody else may have applied it meanwhile: look at it, then apply again.',
    );
  }
  const { ownerKey, signature } = applied;
  if (applied.termsJson === plan.termsJson && isPlanSignature(plan, ownerKey, signature)) {
    return { ownerKey, signature, termsJson: plan.termsJson };
  }
  throw planError(
    'permission-denied',
    'PLAN_SIGNATURE_INVALID',
    `The signature is not over what this coordinator makes of task ${plan.taskName}.`,
    'Use a "starling" of the coordinator’s version: both must compile the same plan.',
  );
}

/** As it came with a question. */
export interface AskedSignature {
  readonly signature: Uint8Array;
  readonly taskVersion: number;
  readonly askedAtMs: number;
  readonly termsJson: string;
}

/** Throws `QUERY_UNSIGNED`, `TASK_VERSION_CONFLICT`, `QUERY_SIGNATURE_INVALID`. */
export function checkQuerySignature(
  task: Pick<PreparedTask, 'name' | 'version' | 'signature'>,
  queryJson: string,
  termsJson: string,
  asked: AskedSignature | undefined,
): QuerySignature {
  const { name: taskName, version: taskVersion } = task;
  if (asked === undefined) {
    throw planError(
      'invalid-argument',
      'QUERY_UNSIGNED',
      `The question of task ${taskName} is not signed, and no device would answer it.`,
      'Ask it with the command "starling analytics run", which signs it with the key of the task’s owner.',
    );
  }
  const { signature, askedAtMs } = asked;
  if (asked.taskVersion !== taskVersion) {
    throw planError(
      'aborted',
      'TASK_VERSION_CONFLICT',
      `The question was signed for version ${asked.taskVersion} of task ${taskName}; it is at version ${taskVersion}.`,
      'Somebody else may have applied it meanwhile: look at it, then ask again.',
    );
  }
  const query = { taskName, taskVersion, askedAtMs, queryJson, termsJson };
  if (asked.termsJson === termsJson && isQuerySignature(query, task.signature.ownerKey, signature)) {
    return { signature: Buffer.from(signature).toString('hex'), askedAtMs, termsJson };
  }
  throw planError(
    'permission-denied',
    'QUERY_SIGNATURE_INVALID',
    `The question is not signed by the owner of task ${taskName}, or not as this coordinator understands it.`,
    'Use the key that the task was applied with (--key FILE), and a "starling" of the coordinator’s version.',
  );
}

function planError(status: ErrorStatus, code: string, message: string, remedy: string): CoordinatorError {
  return new CoordinatorError(refusal(status, code, message, remedy));
}
