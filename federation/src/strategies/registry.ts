import type { StrategyDefinition } from './definition.js';
import { fedAdagrad, fedAdagradFields } from './fedadagrad.js';
import { fedAdam, fedAdamFields } from './fedadam.js';
import { fedAvg, fedAvgFields } from './fedavg.js';
import { fedAvgM, fedAvgMFields } from './fedavgm.js';
import { fedProx, fedProxFields } from './fedprox.js';
import { fedYogi, fedYogiFields } from './fedyogi.js';
import type { NumberField, StrategyFields } from './fields.js';
import type { Strategy } from './strategy.js';

type KindOf = StrategyDefinition['kind'];

/** Every strategy there is: its settings by name. */
export const strategyFields: {
  readonly [K in KindOf]: StrategyFields<Extract<StrategyDefinition, { kind: K }>>;
} = {
  fedavg: fedAvgFields,
  fedprox: fedProxFields,
  fedavgm: fedAvgMFields,
  fedadagrad: fedAdagradFields,
  fedadam: fedAdamFields,
  fedyogi: fedYogiFields,
};

/** The names of the strategies, in the order in which they are best shown. */
export const strategyKinds: readonly KindOf[] = Object.keys(strategyFields).filter(isStrategyKind);

export function isStrategyKind(name: string): name is KindOf {
  return Object.hasOwn(strategyFields, name);
}

/** The fields of one kind, by name. */
export function fieldsOf(kind: KindOf): ReadonlyMap<string, NumberField> {
  return new Map(Object.entries(strategyFields[kind]));
}

/** The strategy that a definition describes. */
export function strategyOf(definition: StrategyDefinition): Strategy {
  switch (definition.kind) {
    case 'fedavg':
      return fedAvg(definition);
    case 'fedprox':
      return fedProx(definition);
    case 'fedavgm':
      return fedAvgM(definition);
    case 'fedadagrad':
      return fedAdagrad(definition);
    case 'fedadam':
      return fedAdam(definition);
    case 'fedyogi':
      return fedYogi(definition);
  }
}
