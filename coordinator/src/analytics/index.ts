/** Federated analytics as the coordinator runs them: a run of one round, whose sum is read instead of applied. */
export { answer } from './answer.js';
export { type AskedTask, analyticsSettings, askedTask, queryTerms } from './settings.js';
export { analyticsTask } from './task.js';
