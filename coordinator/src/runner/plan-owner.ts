/** Whether a task's owner stands behind a plan. The coordinator asks before devices do, so that mistakes show early. */
import { isPlanSignature, type SignedPlan } from '@starling/proto';
import { CoordinatorError, type ErrorStatus, refusal } from '../errors.js';
import type { TaskName } from '../ids.js';
import type { OwnerSignature, StoredTask } from '../storage/index.js';

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

function planError(status: ErrorStatus, code: string, message: string, remedy: string): CoordinatorError {
  return new CoordinatorError(refusal(status, code, message, remedy));
}
