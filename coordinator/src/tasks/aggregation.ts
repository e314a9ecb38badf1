import { describeNeed, updatesNeeded } from '@starling/federation';
import type { TaskDefinition } from './definition.js';
import type { Problem } from './places.js';

/** What a robust aggregation asks of the rest of a task. */
export function checkAggregation({
  strategy,
  cohort,
  privacy,
  secureAggregation,
}: TaskDefinition): Problem[] {
  const { aggregation } = strategy;
  if (aggregation === undefined) return [];
  const problems: Problem[] = [];
  const needed = updatesNeeded(aggregation);
  if (cohort.minimum < needed) {
    const message = `is ${cohort.minimum}, but ${describeNeed(aggregation)}; make it at least ${needed}`;
    problems.push({ path: ['cohort', 'minimum'], message });
  }
  if (secureAggregation !== null) {
    const message = `is ${aggregation.kind}, which needs single updates, and secure aggregation hides them; set "secureAggregation" to none`;
    problems.push({ path: ['strategy', 'aggregation'], message });
  }
  if (privacy.kind !== 'none') {
    // The noise is sized for what one update adds to a sum; what it does to a median is another matter.
    const message = `is ${aggregation.kind}, but privacy ${privacy.kind} is accounted for sums only; use "mean", or set "privacy" to none`;
    problems.push({ path: ['strategy', 'aggregation'], message });
  }
  return problems;
}
