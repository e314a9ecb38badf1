/** What the owner of a task signs beside its plan: all that the training may ask of a device. */
import { canonicalTermsJson } from '@starling/proto';
import type { TaskDefinition } from './definition.js';

/** Canonical JSON. A device refuses an assignment that asks for anything else than its terms say. */
export function formatTerms(definition: TaskDefinition): string {
  const { encoding, training, evaluation, privacy } = definition;
  return canonicalTermsJson({
    epochs: training.epochs,
    examplesMax: training.examplesMax,
    encoding,
    privacy,
    holdoutPermille: Math.round((evaluation.federated?.holdout ?? 0) * 1000),
  });
}
