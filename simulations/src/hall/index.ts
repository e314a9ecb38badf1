export type { HallOptions } from './options.js';
export type { HallResult } from './report.js';
export { runHall } from './run-hall.js';
