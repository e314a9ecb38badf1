export { type CentralEvaluator, createCentralEvaluator } from './central.js';
export { loadPlan, storePlan } from './plan.js';
