import { type Place, readFields } from '../fields.js';
import type { LossDefinition } from './definition.js';

/** Reads a loss from untrusted JSON; the place decides the error's type. */
export function readLoss(value: unknown, place: Place): LossDefinition {
  const fields = readFields(value, place);
  const kind = fields.oneOf('kind', [
    'softmax-cross-entropy',
    'binary-cross-entropy',
    'mean-squared-error',
    'huber',
  ]);
  const loss: LossDefinition =
    kind === 'huber' ? { kind, delta: fields.number('delta', (delta) => delta > 0, 'above 0') } : { kind };
  fields.end();
  return loss;
}
