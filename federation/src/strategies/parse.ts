import type { StrategyDefinition } from './definition.js';
import { StrategyError } from './errors.js';
import { fieldsOf, isStrategyKind, strategyKinds } from './registry.js';
import { checkWeighting, parseAggregation } from './robust/index.js';
import { whyOnlySimulated } from './simulated-only.js';
import { type Weighting, weightings } from './weighting.js';

/**
 * A definition from configuration: a strategy's name alone, or an object with its `kind`, and any of `weighting`,
 * `aggregation` and the strategy's own numbers; what is left out takes its default. Throws `StrategyError` that lists what is allowed.
 *
 * @example
 * parseStrategy('fedavg');
 * parseStrategy({ kind: 'fedadam', serverLearningRate: 0.03, weighting: 'uniform' });
 * parseStrategy({ kind: 'fedavg', aggregation: { kind: 'krum', byzantine: 1 } });
 */
export function parseStrategy(input: unknown): StrategyDefinition {
  const settings = typeof input === 'string' ? { kind: input } : input;
  if (typeof settings !== 'object' || settings === null || Array.isArray(settings)) {
    throw new StrategyError(
      'unknown-strategy',
      `a strategy is a name or an object with a kind; ${knownStrategies()}`,
    );
  }
  const {
    kind,
    weighting,
    aggregation: combined = 'mean',
    ...numbers
  }: Record<string, unknown> = { ...settings };
  if (typeof kind !== 'string' || !isStrategyKind(kind)) {
    const why = typeof kind === 'string' ? whyOnlySimulated(kind) : undefined;
    if (why !== undefined) {
      throw new StrategyError(
        'unknown-strategy',
        `${kind} is for simulations: ${why}; ${knownStrategies()}`,
        'kind',
      );
    }
    throw new StrategyError(
      'unknown-strategy',
      `unknown strategy ${JSON.stringify(kind)}; ${knownStrategies()}`,
      'kind',
    );
  }
  const fields = fieldsOf(kind);
  for (const name of Object.keys(numbers)) {
    if (!fields.has(name)) {
      throw new StrategyError(
        'unknown-field',
        `${kind} has no setting "${name}"; its settings are ${['weighting', 'aggregation', ...fields.keys()].join(', ')}`,
        name,
      );
    }
  }
  const values = [...fields].map(([name, field]): [string, number] => {
    const value = Object.hasOwn(numbers, name) ? numbers[name] : field.defaultValue;
    if (typeof value !== 'number' || !Number.isFinite(value) || !field.accepts(value)) {
      throw new StrategyError(
        'invalid-field',
        `${kind}'s ${name} must be ${field.accepted}, got ${typeof value === 'number' ? value : JSON.stringify(value)}`,
        name,
      );
    }
    return [name, value];
  });
  const aggregation = parseAggregation(combined);
  // A robust aggregate that believed in the example counts devices claim would not be robust.
  const weightingDefault = aggregation === undefined ? 'by-examples' : 'uniform';
  const parsedWeighting = parseWeighting(kind, weighting ?? weightingDefault);
  if (aggregation !== undefined) checkWeighting(aggregation, parsedWeighting);
  // The table's type says that `fields` are exactly the numbers of this kind's definition.
  return {
    kind,
    weighting: parsedWeighting,
    ...(aggregation && { aggregation }),
    ...Object.fromEntries(values),
  } as StrategyDefinition;
}

function parseWeighting(kind: string, value: unknown): Weighting {
  const weighting = weightings.find((known) => known === value);
  if (weighting === undefined) {
    throw new StrategyError(
      'invalid-field',
      `${kind}'s weighting must be one of ${weightings.join(', ')}, got ${JSON.stringify(value)}`,
      'weighting',
    );
  }
  return weighting;
}

function knownStrategies(): string {
  return `known are ${strategyKinds.join(', ')}`;
}
