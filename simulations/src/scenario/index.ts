export { scenarioJsonSchema } from './json-schema.js';
export { type LocatedScenario, parseScenario, readScenario, scenarioFault } from './parse.js';
export {
  type Scenario,
  type ScenarioInput,
  type ScenarioStrategy,
  scenarioSchema,
  strategyNames,
} from './schema.js';
