import { AnalyticsError } from './errors.js';
import {
  type AnalyticsQuery,
  activationCountsMax,
  binsMax,
  quantilesMax,
  type Statistic,
  statisticKinds,
  topMax,
  type ValueRange,
  valuesMaxMost,
} from './query.js';

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf: Readonly<Record<Statistic['kind'], readonly string[]>> = {
  count: [],
  sum: ['minimum', 'maximum'],
  mean: ['minimum', 'maximum'],
  variance: ['minimum', 'maximum'],
  histogram: ['minimum', 'maximum', 'bins'],
  quantiles: ['minimum', 'maximum', 'quantiles', 'bins'],
  'heavy-hitters': ['top', 'share'],
  activations: ['checkpoint', 'checkpointBytes', 'tensors', 'buckets'],
};

/**
 * A query from JSON that nobody vouches for. Throws `AnalyticsError` `invalid-query` that names the field and says what is
 * allowed; unknown fields are refused.
 */
export function parseQuery(json: string): AnalyticsQuery {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw invalid('query', 'is not JSON');
  }
  const query = object(value, 'query', ['column', 'statistic', 'valuesMax']);
  const { column } = query;
  if (typeof column !== 'string' || column.length < 1 || column.length > 200) {
    throw invalid('column', 'must be the name of a feature or of the target');
  }
  return {
    column,
    statistic: parseStatistic(query.statistic),
    valuesMax: whole(query, 'valuesMax', 1, valuesMaxMost),
  };
}

/** The one spelling of a query: what is signed, hashed and sent. */
export function formatQuery({ column, statistic, valuesMax }: AnalyticsQuery): string {
  const sorted = Object.fromEntries(Object.entries(statistic).sort(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify({ column, statistic: sorted, valuesMax });
}

function parseStatistic(value: unknown): Statistic {
  const named = object(value, 'statistic');
  const kind = statisticKinds.find((known) => known === named.kind);
  if (kind === undefined) throw invalid('statistic.kind', `must be one of ${statisticKinds.join(', ')}`);
  const fields = object(value, 'statistic', ['kind', ...fieldsOf[kind]]);
  switch (kind) {
    case 'count':
      return { kind };
    case 'sum':
    case 'mean':
    case 'variance':
      return { kind, ...range(fields) };
    case 'histogram':
      return { kind, ...range(fields), bins: whole(fields, 'bins', 1, binsMax) };
    case 'quantiles':
      return {
        kind,
        ...range(fields),
        quantiles: quantiles(fields.quantiles),
        bins: whole(fields, 'bins', 2, binsMax),
      };
    case 'activations': {
      const { checkpoint } = fields;
      if (typeof checkpoint !== 'string' || !/^[0-9a-f]{64}$/.test(checkpoint)) {
        throw invalid('checkpoint', 'must be a SHA-256 in hexadecimal');
      }
      const tensors = whole(fields, 'tensors', 1, 2 ** 16);
      const buckets = whole(fields, 'buckets', 1, Math.floor(activationCountsMax / tensors));
      return {
        kind,
        checkpoint,
        checkpointBytes: whole(fields, 'checkpointBytes', 4, 2 ** 31),
        tensors,
        buckets,
      };
    }
    case 'heavy-hitters': {
      const { share } = fields;
      if (typeof share !== 'number' || !(share > 0 && share < 1)) {
        throw invalid('share', 'must be a number above 0 and below 1');
      }
      return { kind, top: whole(fields, 'top', 1, topMax), share };
    }
  }
}

function object(value: unknown, what: string, known?: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(what, 'must be an object');
  }
  const unknown = known && Object.keys(value).find((name) => !known.includes(name));
  if (unknown !== undefined) throw invalid(what, `has an unknown field "${unknown}"; it takes ${known}`);
  return { ...value };
}

function range({ minimum, maximum }: Fields): ValueRange {
  if (typeof minimum !== 'number' || !Number.isFinite(minimum)) throw invalid('minimum', 'must be a number');
  if (typeof maximum !== 'number' || !Number.isFinite(maximum) || maximum <= minimum) {
    throw invalid('maximum', `must be a number above the minimum of ${minimum}`);
  }
  return { minimum, maximum };
}

function quantiles(value: unknown): readonly number[] {
  const list = Array.isArray(value) ? value.map(Number) : [];
  const rising = list.every((each, i) => each > (i === 0 ? 0 : list[i - 1]) && each < 1);
  if (list.length >= 1 && list.length <= quantilesMax && rising) return list;
  throw invalid('quantiles', `must be 1 to ${quantilesMax} rising numbers above 0 and below 1`);
}

function whole(fields: Fields, name: string, least: number, most: number): number {
  const value = fields[name];
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
  throw invalid(name, `must be a whole number from ${least} to ${most}`);
}

function invalid(field: string, what: string): AnalyticsError {
  return new AnalyticsError('invalid-query', `The query's ${field} ${what}.`, field);
}
