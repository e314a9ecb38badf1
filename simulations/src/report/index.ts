export { collectRun, finalMetric, type ReportedRun, roundsTo, summaryOf } from './collect.js';
export { formatValue, reportPage } from './page.js';
