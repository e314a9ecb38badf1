/**
 * How learning is described, without the coordinator: the parts of a task that the simulator's scenarios share, and how
 * faults in them are told. Loading this loads neither storage nor network.
 */
export { modelOf } from './consistency.js';
export type {
  BuiltinModel,
  StopDefinition,
  TaskDefinition,
  TrainingDefinition,
} from './definition.js';
export { contract, count, encoding, fraction, loss, model, optimizer, readBy, strategy } from './parts.js';
export { type LineOf, type Problem, problemOf, readYaml, sentencesOf } from './places.js';
export { kinds, section } from './sections.js';
export { nearest } from './suggest.js';
