export { runHall } from './hall.js';
export type { HallOptions } from './options.js';
export type { HallResult } from './report.js';
