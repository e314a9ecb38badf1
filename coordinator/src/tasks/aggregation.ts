import { describeNeed, type RobustAggregation, updatesNeeded } from '@starling/federation';
import type { TaskDefinition } from './definition.js';
import type { Problem } from './places.js';

/** Into how many groups, each summed under masks of its own, the cohorts of a task's training rounds are split. */
export function groupsIn({ aggregation }: TaskDefinition['strategy']): number {
  return aggregation !== undefined && 'groups' in aggregation ? (aggregation.groups ?? 1) : 1;
}

/** What a robust aggregation asks of the rest of a task. */
export function checkAggregation(definition: TaskDefinition): Problem[] {
  const { strategy, privacy, secureAggregation } = definition;
  const { aggregation } = strategy;
  if (aggregation === undefined) return [];
  const problems: Problem[] =
    secureAggregation === null ? checkPlain(definition, aggregation) : checkGroups(definition, aggregation);
  if (privacy.kind !== 'none') {
    // The noise is sized for what one update adds to a sum; what it does to a median is another matter.
    const message = `is ${aggregation.kind}, but privacy ${privacy.kind} is accounted for sums only; use "mean", or set "privacy" to none`;
    problems.push({ path: ['strategy', 'aggregation'], message });
  }
  return problems;
}

/** The coordinator sees single updates. */
function checkPlain({ cohort, strategy }: TaskDefinition, aggregation: RobustAggregation): Problem[] {
  if (groupsIn(strategy) > 1) {
    const message =
      'has groups, which are for sums under masks, and this task sends single updates in the clear; leave "groups" out, or "secureAggregation: none"';
    return [{ path: ['strategy', 'aggregation'], message }];
  }
  const needed = updatesNeeded(aggregation);
  if (cohort.minimum >= needed) return [];
  const message = `is ${cohort.minimum}, but ${describeNeed(aggregation)}; make it at least ${needed}`;
  return [{ path: ['cohort', 'minimum'], message }];
}

/** A median of two is their mean, and holds against nobody. */
const groupsMin = 3;

/** The coordinator sees sums of groups. */
function checkGroups({ cohort, strategy }: TaskDefinition, aggregation: RobustAggregation): Problem[] {
  const path = ['strategy', 'aggregation'];
  const groups = groupsIn(strategy);
  const needed = Math.max(groupsMin, updatesNeeded(aggregation));
  if (groups === 1) {
    const message = `is ${aggregation.kind}, which needs single updates, and secure aggregation hides them; take a median, trimmed-mean or geometric-median over sums of groups, such as "{ kind: median, groups: 5 }", or set "secureAggregation" to none`;
    return [{ path, message }];
  }
  if (groups < needed) {
    const message = `is over ${groups} groups, but ${aggregation.kind} holds against nobody below ${needed}; make more groups`;
    return [{ path, message }];
  }
  if (Math.floor(cohort.minimum / groups) >= 2) return [];
  const message = `is ${cohort.minimum}, which leaves a group of one among ${groups}, and its sum hides nothing; make it at least ${2 * groups}, better several times that`;
  return [{ path: ['cohort', 'minimum'], message }];
}
