/** Connections to Redis, and what to do when there is none. */
import { readFile } from 'node:fs/promises';
import { Redis } from 'ioredis';
import { SimulationError } from '../errors.js';

export interface RedisSettings {
  /** `redis://` or, for TLS, `rediss://`, with user name, password, port and database where they are needed. */
  readonly url: string;
  /** PEM file of the authority that signed the server's certificate, where the system does not know it. */
  readonly ca?: string;
}

/** The part of ioredis' options that is used, as BullMQ takes it too. */
interface ConnectionOptions {
  host: string;
  port: number;
  username?: string;
  password?: string;
  db?: number;
  tls?: { ca?: string };
  connectTimeout: number;
  maxRetriesPerRequest: number | null;
  retryStrategy: (times: number) => number | null;
}

const connectTimeoutMs = 3000;
/** How long a lost connection is tried again for before the run gives up; what it did can be resumed. */
const reconnectTries = 60;

/** Options that BullMQ and ioredis take. Throws a `SimulationError` that says what is wrong with the address. */
export async function redisOptions({ url, ca }: RedisSettings): Promise<ConnectionOptions> {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (error) {
    throw usage('The address of Redis is no URL.', { cause: error });
  }
  const { protocol, hostname, port, username, password, pathname } = parsed;
  if ((protocol !== 'redis:' && protocol !== 'rediss:') || hostname === '') {
    throw usage('The address of Redis must begin with redis:// or rediss:// and name a host.');
  }
  const database = pathname.replace(/^\//, '');
  if (!/^\d{0,5}$/.test(database)) throw usage('What follows the host of Redis is the number of a database.');
  if (ca !== undefined && protocol === 'redis:') {
    throw usage('--redis-ca is for TLS: write rediss:// in place of redis://.');
  }
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? 6379 : Number(port),
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(database === '' ? {} : { db: Number(database) }),
    ...(protocol === 'rediss:' ? { tls: ca === undefined ? {} : { ca: await readAuthority(ca) } } : {}),
    connectTimeout: connectTimeoutMs,
    // BullMQ's blocking commands wait as long as it takes.
    maxRetriesPerRequest: null,
    retryStrategy: (times) => (times > reconnectTries ? null : Math.min(1000, 50 * times)),
  };
}

async function readAuthority(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw usage(`The authority's certificate ${path} cannot be read.`, { cause: error });
  }
}

const usage = (message: string, options?: ErrorOptions): SimulationError =>
  new SimulationError(
    'simulation/usage',
    message,
    'For instance --redis redis://127.0.0.1:6379, or rediss:// for TLS; the environment variable STARLING_REDIS does the same and shows in no list of processes.',
    options,
  );

/** A connection that has answered. Throws a `SimulationError` `simulation/queue` that says why there is none. */
export async function connect(settings: RedisSettings): Promise<Redis> {
  const options = await redisOptions(settings);
  const first = new Redis({
    ...options,
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  let cause: unknown;
  first.on('error', (error: unknown) => {
    cause ??= error;
  });
  try {
    await first.connect();
    await first.ping();
  } catch (error) {
    throw unreachable(options, cause ?? error);
  } finally {
    first.disconnect();
  }
  const redis = new Redis(options);
  // Lost connections are made again; what that means for the run is told where it waits.
  redis.on('error', () => undefined);
  return redis;
}

function unreachable({ host, port, tls }: ConnectionOptions, error: unknown): SimulationError {
  const place = `${host}:${port}`;
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const [problem, remedy] = diagnosis(code, message, tls !== undefined);
  return new SimulationError('simulation/queue', `Redis at ${place}: ${problem}.`, remedy, { cause: error });
}

function diagnosis(code: string, message: string, tls: boolean): readonly [problem: string, remedy: string] {
  if (/NOAUTH/.test(message)) {
    return ['it wants a password', 'Write redis://:PASSWORD@HOST, or redis://USER:PASSWORD@HOST.'];
  }
  if (/WRONGPASS|invalid password|AUTH failed|without any password/i.test(message)) {
    return ['it refuses the user name or password', 'Check them; special characters are written as %XX.'];
  }
  if (/NOPERM/.test(message)) {
    return ['the user may not do this', 'Allow the user all commands on starling-sim:* and bull:*.'];
  }
  if (/^(ERR_TLS|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO|CERT_)/.test(code)) {
    return [
      `its certificate is not trusted (${code})`,
      "Name its authority's certificate by --redis-ca FILE, and use the name that the certificate is for.",
    ];
  }
  if (code === 'ECONNREFUSED') return ['nobody listens there', 'Start redis-server, or check host and port.'];
  if (code === 'ETIMEDOUT') {
    const remedy = tls ? ', and whether it speaks TLS: if not, write redis:// in place of rediss://' : '';
    return ['it does not answer', `Check host and port${remedy}.`];
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return ['there is no such host', 'Check the name.'];
  const hungUp = /ECONNRESET|disconnected|closed/i.test(`${code} ${message}`);
  if (tls && (hungUp || code.startsWith('ERR_SSL') || /wrong version number/i.test(message))) {
    return ['it does not speak TLS', 'Write redis:// in place of rediss://.'];
  }
  if (hungUp) {
    return ['it hung up', 'Where it speaks TLS, write rediss:// in place of redis://.'];
  }
  return [message.replace(/\.$/, ''), 'Check the address.'];
}
