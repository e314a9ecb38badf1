export type { RedisSettings } from './connect.js';
export { type QueuePoolOptions, type QueueSettings, startQueuePool } from './director.js';
export { type QueueWorkerEvent, type QueueWorkerSettings, serveQueue } from './worker-process.js';
