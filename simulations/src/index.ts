/** Virtual fleets: what a scenario describes, simulated; see `simulate`. */

export type { PartitionFunction } from './data/open.js';
export type { DeviceModel, DeviceTimes, UpdateSize } from './devices/index.js';
export { SimulationError, type SimulationErrorCode } from './errors.js';
export type { Attack, AttackChance } from './execution/attacks.js';
export {
  parseScenario,
  readScenario,
  type Scenario,
  type ScenarioInput,
  scenarioJsonSchema,
} from './scenario/index.js';
export { checkpointHash, type SimulationState } from './simulation/checkpoint.js';
export { type PreparedScenario, prepare } from './simulation/prepare.js';
export type { Distribution, RoundRecord } from './simulation/record.js';
export { type SimulateOptions, type SimulationResult, simulate } from './simulation/simulate.js';
export { type CoordinatorPart, type SimulatedRound, simulateRounds } from './simulation/simulation.js';
