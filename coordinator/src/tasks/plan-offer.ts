/** What an owner signs, made from a definition alone: the operator's command and the coordinator make it each for itself. */
import { createHash } from 'node:crypto';
import { encodeManifest, formatFeatureContract, type Plan } from '@starling/engine';
import type { SignedPlan } from '@starling/proto';
import { compileTask } from './compile.js';
import type { TaskDefinition } from './definition.js';
import { formatTerms } from './terms.js';

/** The statement of a plan that was compiled from `definition`, as version `taskVersion` of the task. */
export function planStatement(
  definition: TaskDefinition,
  taskVersion: number,
  plan: Plan = compileTask(definition).plan,
): SignedPlan {
  return {
    taskName: definition.name,
    taskVersion,
    manifestSha256: createHash('sha256').update(encodeManifest(plan.manifest)).digest(),
    featureContractJson: formatFeatureContract(definition.contract),
    termsJson: formatTerms(definition, plan.manifest.parameterCount),
  };
}
