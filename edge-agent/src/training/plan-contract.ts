/** Whether examples that meet a contract are what a plan's graphs take. */
import {
  elementCount,
  type FeatureContract,
  featureElements,
  type PlanManifest,
  targetElements,
} from '@starling/engine';
import { AgentError } from '../errors.js';

/** @throws AgentError `agent/plan-mismatch` */
export function checkContractFitsPlan(contract: FeatureContract, manifest: PlanManifest): void {
  const features = featureElements(contract);
  const wantedFeatures = elementCount(manifest.featureShape);
  if (features !== wantedFeatures) {
    throw mismatch(
      `an example of the contract has ${features} numbers, but the plan takes ${wantedFeatures} ([${manifest.featureShape.join(', ')}])`,
    );
  }
  const targets = targetElements(contract);
  const wantedTargets = elementCount(manifest.targetShape);
  if (targets !== wantedTargets) {
    throw mismatch(
      `a target of the contract has ${targets} numbers, but the plan takes ${wantedTargets} ([${manifest.targetShape.join(', ')}])`,
    );
  }
  if (manifest.targetDataType === 'int32' && contract.target.kind !== 'class') {
    throw mismatch('the plan takes class indices, but the target of the contract is a number');
  }
}

function mismatch(problem: string): AgentError {
  return new AgentError('agent/plan-mismatch', `Contract and plan do not fit: ${problem}.`);
}
