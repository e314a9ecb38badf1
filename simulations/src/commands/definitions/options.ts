/** Options that several commands take. */
import type { Argv } from 'yargs';
import { SimulationError } from '../../errors.js';
import type { RedisSettings } from '../../queue/index.js';
import type { Terminal } from '../terminal.js';

export type Root = Argv<{ readonly json: boolean }>;

/** For whoever works for others, or has others work for it. */
export const redisOptions = {
  redis: {
    type: 'string',
    describe:
      'Redis that hands work to "starling-sim worker" processes: redis://HOST, rediss:// for TLS; or STARLING_REDIS',
  },
  'redis-ca': { type: 'string', describe: "PEM file of the authority of Redis' certificate" },
} as const;

/** For whoever makes many runs. */
export const runningOptions = {
  workers: { type: 'number', describe: 'Threads; the result does not depend on it' },
  ...redisOptions,
} as const;

interface RunningArguments {
  readonly workers?: number | undefined;
  readonly redis?: string | undefined;
  readonly redisCa?: string | undefined;
}

/** Where the work is done, as the options say. Throws a `SimulationError` `simulation/usage`. */
export function runningOf({ workers, redis, redisCa }: RunningArguments, terminal: Terminal) {
  checkWorkers(workers);
  return { workers, queue: redisOf(redis, redisCa, terminal) };
}

/** The option, or what the environment says, which shows in no list of processes. */
export function redisOf(
  redis: string | undefined,
  ca: string | undefined,
  { env }: Terminal,
): RedisSettings | undefined {
  const url = redis ?? env.STARLING_REDIS;
  if (url !== undefined && url !== '') return { url, ...(ca === undefined ? {} : { ca }) };
  if (ca === undefined) return undefined;
  throw new SimulationError(
    'simulation/usage',
    '--redis-ca needs --redis.',
    'For instance --redis rediss://HOST.',
  );
}

export function checkWorkers(workers: number | undefined): void {
  if (workers === undefined || (Number.isInteger(workers) && workers >= 1 && workers <= 1024)) return;
  throw new SimulationError('simulation/usage', '--workers must be a whole number from 1 to 1024.');
}
