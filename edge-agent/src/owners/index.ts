export { openPlanOwners, type PlanOwners } from './plan-owners.js';
