/** A scenario that takes a moment: logistic regression on a synthetic fleet. */
import type { ScenarioInput } from '../scenario/index.js';

/** @param changes may be wrong: a test may be about that */
export function smallScenario(changes: Readonly<Record<string, unknown>> = {}): ScenarioInput {
  const scenario: ScenarioInput = {
    name: 'small',
    seed: 7,
    data: { kind: 'synthetic', examples: 12, features: 8, classes: 3, heterogeneity: 0.5 },
    partition: { kind: 'iid', clients: 40 },
    model: { kind: 'sequential', inputShape: [8], layers: [{ kind: 'dense', units: 3 }] },
    training: { batchSize: 4, learningRate: 0.1 },
    cohort: { size: 10 },
    stop: { rounds: 4 },
  };
  return { ...scenario, ...changes };
}
