/** What tests across packages share: processes, a small task, an operator, a device of the test's own. */
export { type CoordinatorAccess, enrolmentToken, operatorSecurity } from './access.js';
export { type AgentOptions, startAgentProcess } from './agent-process.js';
export {
  type Command,
  entryOf,
  type Finished,
  type RunningProcess,
  repositoryRoot,
  runCommand,
  runProgram,
  startProcess,
  startProgram,
} from './child-process.js';
export { type CoordinatorProcess, freePort, startCoordinatorProcess } from './coordinator-process.js';
export { createDevice, type Device, headerOf, payloadOf, sha256, uploadOf } from './device.js';
export {
  coordinatorFolder,
  deviceName,
  examplesFolder,
  type Fleet,
  type FleetOptions,
  startFleet,
  startSmallAgent,
} from './fleet.js';
export { type Mosquitto, mosquittoMissing, startMosquitto } from './mosquitto.js';
export { type MqttTap, startMqttTap } from './mqtt-tap.js';
export { createOperator, isAway, type Operator } from './operator.js';
export { checkRunLog, readLedger, readRunLog, type StoredEvent } from './run-log.js';
export { createScope, type Scope, temporaryFolder } from './scope.js';
export { type SlowLink, startSlowLink } from './slow-link.js';
export {
  openSmallExamples,
  type SmallTaskOptions,
  smallContract,
  smallPlan,
  smallTask,
  writeSmallExamples,
} from './small-task.js';
export { numberedRecord, startTelemetryDevice, type TelemetryDevice } from './telemetry-device.js';
export { until, within } from './waiting.js';
