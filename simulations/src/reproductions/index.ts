export { columnOf } from './columns.js';
export { type Finding, type PublishedRounds, readList } from './list.js';
export { type FindingRows, pageOf, type ReproductionRows, type RoundsRow, tablesOf } from './page.js';
export { recallRows } from './recall.js';
