/** Federated algorithms: a device's part and the coordinator's. */
export type {
  AlgorithmState,
  AlgorithmStep,
  FederatedAlgorithm,
  LocalContribution,
  LocalTraining,
  RoundSums,
} from './algorithm.js';
export { plainDevicePart } from './algorithm.js';
export type { FedAsync } from './fedasync.js';
export { type FedBuff, stalenessWeight } from './fedbuff.js';
export type { FedDyn } from './feddyn.js';
export { type FedNova, localProgress } from './fednova.js';
export type { QFfl } from './qffl.js';
export {
  type AlgorithmDefinition,
  algorithmKinds,
  algorithmOf,
  type DevicePartDefinition,
  isAsynchronous,
  parseAlgorithm,
} from './registry.js';
export type { Scaffold } from './scaffold.js';
