/** Tasks: what operators write, what is stored, what devices are given. */
export { groupsIn } from './aggregation.js';
export { type CompiledTask, compileTask, initialParametersOf } from './compile.js';
export { modelOf } from './consistency.js';
export type {
  BuiltinModel,
  CentralEvaluation,
  CohortDefinition,
  DeadlinesDefinition,
  FederatedEvaluation,
  ObjectiveDefinition,
  SecureAggregationDefinition,
  StopDefinition,
  TaskDefinition,
  TrainingDefinition,
} from './definition.js';
export { formatTask, parseStoredTask, parseTask, parseTaskFile } from './parse.js';
export { planStatement } from './plan-offer.js';
export {
  type ClipDefinition,
  type DeviceLevelPrivacy,
  type NoiseDefinition,
  type PrivacyDefinition,
  privacyAdvice,
  privacySettingsOf,
} from './privacy.js';
export { runSettingsOf } from './run-settings.js';
export { taskNameForm } from './schema.js';
export { secureRoundSettings } from './secure-settings.js';
export { formatTerms } from './terms.js';
