import { AnalyticsError, type AnalyticsQuery, parseQuery } from '@starling/federation';
import { invalid } from './parse.js';

const charactersMax = 10_000;

/** Throws `ANALYTICS_INVALID` that names the field and says what is allowed. */
export function queryOf(json: string): AnalyticsQuery {
  const remedy = 'See "starling analytics run --help".';
  if (json.length > charactersMax) throw invalid('ANALYTICS_INVALID', 'The query is too long.', remedy);
  try {
    return parseQuery(json);
  } catch (error) {
    if (error instanceof AnalyticsError) throw invalid('ANALYTICS_INVALID', error.message, remedy);
    throw error;
  }
}
