import { StrategyError } from '../errors.js';
import type { Weighting } from '../weighting.js';
import type { RobustAggregation } from './definition.js';
import type { GroupAggregation } from './groups.js';

interface Setting {
  readonly defaultValue: number | null | undefined;
  readonly accepted: string;
  accepts(value: unknown): boolean;
}

function number(
  defaultValue: number | undefined,
  accepted: string,
  accepts: (value: number) => boolean,
): Setting {
  return {
    defaultValue,
    accepted,
    accepts: (value) => typeof value === 'number' && Number.isFinite(value) && accepts(value),
  };
}

const byzantine = number(
  undefined,
  'an integer from 0 to 10000',
  (value) => Number.isInteger(value) && value >= 0 && value <= 10_000,
);
const count = (defaultValue: number | undefined, max: number): Setting =>
  number(
    defaultValue,
    `an integer from 1 to ${max}`,
    (value) => Number.isInteger(value) && value >= 1 && value <= max,
  );

/** The settings of each kind; without a default, one must be given. */
const settings: {
  readonly [K in RobustAggregation['kind']]: {
    readonly [F in Exclude<keyof Extract<RobustAggregation, { kind: K }>, 'kind' | 'groups'>]: Setting;
  };
} = {
  krum: { byzantine },
  'multi-krum': {
    byzantine,
    selected: {
      ...count(undefined, 10_000),
      defaultValue: null,
      accepts: (value) => value === null || count(undefined, 10_000).accepts(value),
    },
  },
  'trimmed-mean': {
    share: number(0.2, 'a number from 0 up to, not including, 0.5', (value) => value >= 0 && value < 0.5),
  },
  median: {},
  'geometric-median': {
    smoothing: number(1e-6, 'a positive number', (value) => value > 0),
    iterations: count(32, 1000),
  },
  'norm-clipping': { bound: number(undefined, 'a positive number', (value) => value > 0) },
};

/** What can be taken over sums of groups: nothing that wants as many updates as Krum, and no mean, which needs none. */
const overGroups: ReadonlySet<string> = new Set<GroupAggregation['kind']>([
  'trimmed-mean',
  'median',
  'geometric-median',
]);
const groupsSetting = count(undefined, 1000);

const kinds = ['mean', ...Object.keys(settings)];

/**
 * An aggregation from configuration: a name, or an object with its `kind` and settings; `undefined` for the mean.
 * Throws `StrategyError` `unknown-aggregation`, `unknown-field` or `invalid-field` with field `aggregation`.
 *
 * @example
 * parseAggregation('median');
 * parseAggregation({ kind: 'krum', byzantine: 1 });
 */
export function parseAggregation(input: unknown): RobustAggregation | undefined {
  const given = typeof input === 'string' ? { kind: input } : input;
  const fail = (code: 'unknown-aggregation' | 'unknown-field' | 'invalid-field', message: string) =>
    new StrategyError(code, message, 'aggregation');
  const { kind, groups, ...values }: Record<string, unknown> =
    typeof given === 'object' && given !== null ? { ...given } : {};
  if (typeof kind !== 'string' || !kinds.includes(kind)) {
    throw fail(
      'unknown-aggregation',
      `unknown aggregation ${JSON.stringify(kind)}; known are ${kinds.join(', ')}`,
    );
  }
  if (groups !== undefined && !overGroups.has(kind)) {
    const message = `aggregation ${kind} is not taken over groups; ${[...overGroups].join(', ')} are`;
    throw fail('unknown-field', message);
  }
  if (groups !== undefined && !groupsSetting.accepts(groups)) {
    const message = `aggregation ${kind} takes "groups", ${groupsSetting.accepted}; got ${JSON.stringify(groups)}`;
    throw fail('invalid-field', message);
  }
  const fields = new Map<string, Setting>(
    isRobust(kind) ? Object.entries<Setting>(settings[kind]) : undefined,
  );
  for (const name of Object.keys(values)) {
    if (fields.has(name)) continue;
    const has = fields.size === 0 ? 'has none' : `has ${[...fields.keys()].join(', ')}`;
    throw fail('unknown-field', `aggregation ${kind} has no setting "${name}"; it ${has}`);
  }
  if (!isRobust(kind)) return undefined;
  const parsed = [...fields].map(([name, { defaultValue, accepted, accepts }]): [string, unknown] => {
    const value = Object.hasOwn(values, name) ? values[name] : defaultValue;
    if (accepts(value)) return [name, value];
    const got = value === undefined ? 'it is missing' : `got ${JSON.stringify(value)}`;
    throw fail('invalid-field', `aggregation ${kind} takes "${name}", ${accepted}; ${got}`);
  });
  // The table's type says that `fields` are exactly the settings of this kind.
  const over = groups === undefined ? {} : { groups };
  return { kind, ...Object.fromEntries(parsed), ...over } as RobustAggregation;
}

function isRobust(kind: string): kind is RobustAggregation['kind'] {
  return Object.hasOwn(settings, kind);
}

/** Throws `StrategyError` where the aggregation lets no update weigh more than another. */
export function checkWeighting(aggregation: RobustAggregation, weighting: Weighting): void {
  if (weighting === 'uniform' || aggregation.kind === 'geometric-median') return;
  if (aggregation.kind === 'norm-clipping') return;
  throw new StrategyError(
    'invalid-field',
    `${aggregation.kind} counts every update the same; leave weighting out, or say uniform`,
    'weighting',
  );
}
