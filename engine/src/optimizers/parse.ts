import { type Fields, type Place, readFields } from '../fields.js';
import type { OptimizerDefinition } from './definition.js';

/** Reads an optimizer from untrusted JSON; the place decides the error's type. */
export function readOptimizer(value: unknown, place: Place): OptimizerDefinition {
  const fields = readFields(value, place);
  const kind = fields.oneOf('kind', ['sgd', 'momentum', 'adam', 'adamw']);
  const optimizer = readSettings(kind, fields);
  fields.end();
  return optimizer;
}

function readSettings(kind: OptimizerDefinition['kind'], fields: Fields): OptimizerDefinition {
  const fraction = (name: string): number =>
    fields.number(name, (value) => value >= 0 && value < 1, 'from 0 up to, not including, 1');
  switch (kind) {
    case 'sgd':
      return { kind };
    case 'momentum':
      return { kind, momentum: fraction('momentum'), nesterov: fields.boolean('nesterov') };
    case 'adam':
    case 'adamw': {
      const moments = {
        beta1: fraction('beta1'),
        beta2: fraction('beta2'),
        epsilon: fields.number('epsilon', (value) => value > 0, 'above 0'),
      };
      if (kind === 'adam') return { kind, ...moments };
      const weightDecay = fields.number('weightDecay', (value) => value >= 0, 'of at least 0');
      return { kind, ...moments, weightDecay };
    }
  }
}
