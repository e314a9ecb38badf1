/** Worker processes by way of a real Redis: the same result, whoever comes, goes and is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createSystemClock } from '../adapters/index.js';
import { runCommandLine } from '../commands/command-line.js';
import { readRecords, readRunInfo, resumeRunFolder } from '../run-folder/index.js';
import { runScenario, simulate } from '../simulation/simulate.js';
import { redisMissing, startRedis, type TestRedis } from '../testing/redis.js';
import { smallScenario } from '../testing/small-scenario.js';
import { connect } from './connect.js';
import { contentReference, getContent, putContent } from './content.js';

const missing = redisMissing();
if (missing !== undefined) console.error(`NOT TESTED: the queue of the simulator. ${missing}`);

describe.skipIf(missing !== undefined)('the queue', () => {
  let folder: string;
  let redis: TestRedis;
  let url: string;
  const started: ChildProcess[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'starling-sim-queue-'));
    redis = await startRedis(folder);
    url = `redis://:${encodeURIComponent(redis.password)}@127.0.0.1:${redis.port}`;
  });
  afterAll(async () => {
    for (const child of [...started, redis.process]) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    await rm(folder, { recursive: true });
  });

  type Event = { readonly kind: string; readonly round?: number };

  function startWorker() {
    const main = resolve(import.meta.dirname, '../../bundle/main.js');
    const child = spawn(process.execPath, [main, 'worker', '--workers', '1', '--json'], {
      env: { ...process.env, STARLING_REDIS: url },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    started.push(child);
    const events: Event[] = [];
    const waiting: { readonly wanted: (event: Event) => boolean; resolve(): void }[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => {
      const event: Event = JSON.parse(line);
      events.push(event);
      for (const { wanted, resolve: done } of waiting) if (wanted(event)) done();
    });
    const saw = (wanted: (event: Event) => boolean): Promise<void> =>
      new Promise((done) => {
        if (events.some(wanted)) done();
        else waiting.push({ wanted, resolve: done });
      });
    return { child, events, saw };
  }

  // What clients keep travels, as do all sums, single updates, clients' evaluations and personal models.
  const scenario = smallScenario({
    strategy: 'scaffold',
    attack: { kind: 'sybil', share: 0.2 },
    training: { batchSize: 1, epochs: 80, learningRate: 0.005 },
    stop: { rounds: 3 },
  });

  test('a worker that is killed in the middle of a round changes nothing, nor do those who come later', async () => {
    const expected = await simulate(scenario, { workers: 2 });
    const victim = startWorker();
    const run = simulate(scenario, { queue: { url } });
    await victim.saw(({ kind, round }) => kind === 'started' && round === 1);
    victim.child.kill('SIGKILL');
    await once(victim.child, 'exit');
    expect(victim.events.at(-1)?.kind).toBe('started');
    const heir = startWorker();
    expect(await run).toEqual(expected);
    expect(heir.events.filter(({ kind }) => kind === 'done').length).toBeGreaterThan(0);

    // The heir goes on with other runs: robust ones, whose every update travels, and asynchronous ones.
    for (const changes of [
      { strategy: { kind: 'fedavg', aggregation: 'median' }, secureAggregation: null },
      { strategy: 'fedbuff', devices: { concurrency: 12 } },
      { secureAggregation: { bits: 10, clipNorm: 2 } },
    ]) {
      const other = smallScenario({ ...changes, stop: { rounds: 2 } });
      expect(await simulate(other, { queue: { url } })).toEqual(await simulate(other, { workers: 1 }));
    }

    heir.child.kill('SIGTERM');
    expect(await once(heir.child, 'exit')).toEqual([130, null]);
  });

  test('a training that diverges is told as it is without a queue', async () => {
    const worker = startWorker();
    const diverging = smallScenario({ training: { batchSize: 4, learningRate: 1e38 } });
    await expect(simulate(diverging, { queue: { url } })).rejects.toThrow(/training failed/);
    worker.child.kill('SIGTERM');
    await once(worker.child, 'exit');
  });

  test('sweeps and reproductions are handed out too, and a run whose own process is killed goes on', async () => {
    const worker = startWorker();
    const at = (...names: readonly string[]): string => join(folder, ...names);
    const scenario = { ...smallScenario(), stop: { rounds: 2, target: { value: 1 } } };
    await writeFile(at('swept.yaml'), JSON.stringify(scenario));
    const vary = 'training.learningRate=0.1,0.2';
    const list = [{ scenario: 'swept.yaml', source: 'a paper', published: 9, vary: [vary] }];
    await writeFile(at('list.yaml'), JSON.stringify(list));
    const command = async (...args: readonly string[]): Promise<string> => {
      const [out, err] = [new PassThrough(), new PassThrough()];
      const terminal = {
        out,
        err,
        env: {},
        clock: createSystemClock(),
        signal: new AbortController().signal,
      };
      const code = await runCommandLine([...args, '--json'], terminal);
      out.end();
      err.end();
      expect(code, await text(err)).toBe(0);
      return text(out);
    };
    const shared = ['--redis', url];
    await command('sweep', at('swept.yaml'), '--vary', vary, '-o', at('swept'), ...shared);
    await command('sweep', at('swept.yaml'), '--vary', vary, '-o', at('alone'), '--workers', '1');
    const made = await command('reproduce', at('list.yaml'), '-o', at('reproduced'), ...shared);
    expect(JSON.parse(made)).toMatchObject({ remark: expect.stringMatching(/0\.1.*0\.2/) });
    const checkpoints = (run: string) =>
      Promise.all(
        ['learningRate=0.1', 'learningRate=0.2'].map(
          async (point) => (await readRunInfo(at(run, point))).checkpoint,
        ),
      );
    const alone = await checkpoints('alone');
    expect(alone[0]).not.toBe(alone[1]);
    expect(await checkpoints('swept')).toEqual(alone);
    expect(await checkpoints('reproduced/swept')).toEqual(alone);
    expect(worker.events.filter(({ kind }) => kind === 'done').length).toBeGreaterThanOrEqual(8);

    // It never ends by itself, so that it is killed within.
    const endless = smallScenario({ strategy: 'scaffold', stop: { rounds: 1_000_000 } });
    await writeFile(at('endless.yaml'), JSON.stringify(endless));
    const main = resolve(import.meta.dirname, '../../bundle/main.js');
    const run = spawn(
      process.execPath,
      [main, 'run', at('endless.yaml'), '-o', at('endless'), ...shared, '--json'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    started.push(run);
    for await (const line of createInterface({ input: run.stdout })) if (JSON.parse(line).round === 3) break;
    run.kill('SIGKILL');
    await once(run, 'exit');
    const begun = await resumeRunFolder(at('endless'));
    const ending = new AbortController();
    const onRound = () => ending.abort();
    const resumed = { resumed: begun, queue: { url }, signal: ending.signal, onRound };
    const { checkpoint, records } = await runScenario(begun.scenario, resumed);
    const rounds = records.at(-1)?.round ?? 0;
    expect(rounds).toBeGreaterThan(3);
    const whole = await simulate({ ...endless, stop: { rounds } }, { workers: 2 });
    expect(checkpoint).toBe(whole.checkpoint);
    expect(await readRecords(at('endless'))).toEqual(whole.records);
    worker.child.kill('SIGTERM');
    await once(worker.child, 'exit');
  });

  test('code does not travel', async () => {
    const attack = { kind: 'module', share: 0.2, module: 'file:///tmp/attack.mjs' };
    await expect(simulate(smallScenario({ attack }), { queue: { url } })).rejects.toThrow('does not carry');
  });

  test('without Redis, or without the right to use it, an error says why and what to do', async () => {
    const at = (port: number, user = '', protocol = 'redis'): string =>
      `${protocol}://${user}127.0.0.1:${port}`;
    const { port, tlsPort, certificate, password } = redis;
    const good = `:${encodeURIComponent(password)}@`;
    const refusals: readonly (readonly [{ url: string; ca?: string }, RegExp])[] = [
      [{ url: 'localhost' }, /no URL/],
      [{ url: 'http://localhost' }, /begin with redis/],
      [{ url: at(1) }, /127\.0\.0\.1:1: nobody listens there/],
      [{ url: at(port) }, /wants a password/],
      [{ url: at(port, ':wrong@') }, /refuses the user name or password/],
      [{ url: at(tlsPort, good, 'rediss') }, /certificate is not trusted/],
      [{ url: at(port, good, 'rediss') }, /does not speak TLS|does not answer/],
      [{ url: at(tlsPort, good) }, /hung up/],
      [{ url: at(port, good), ca: certificate }, /write rediss/],
      [{ url: at(tlsPort, good, 'rediss'), ca: join(folder, 'nowhere.pem') }, /cannot be read/],
    ];
    for (const [settings, message] of refusals) {
      const refusal = await connect(settings).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(refusal, settings.url).toMatchObject({
        message: expect.stringMatching(message),
        remedy: expect.stringMatching(/\w/),
      });
      expect(String(refusal)).not.toContain('wrong@');
      expect(String(refusal)).not.toContain(password);
    }
    const secure = await connect({ url: at(tlsPort, good, 'rediss'), ca: certificate });
    expect(await secure.ping()).toBe('PONG');
    secure.disconnect();
  });

  test('content that is gone or changed is refused', async () => {
    const connection = await connect({ url });
    try {
      const bytes = new Uint8Array(9 * 2 ** 20).map((_, at) => at * 31);
      const content = await putContent(connection, bytes, 'block');
      expect(contentReference.parse(content)).toEqual(content);
      expect(Buffer.compare(await getContent(connection, content, 'block'), bytes)).toBe(0);
      const key = `starling-sim:content:${content.hash}`;
      await connection.setrange(key, 5, 'x');
      await expect(getContent(connection, content, 'block')).rejects.toThrow('not what its hash says');
      await connection.append(key, 'x');
      await expect(getContent(connection, content, 'block')).rejects.toThrow('not as long');
      await connection.del(key);
      await expect(getContent(connection, content, 'block')).rejects.toThrow('not in Redis any more');
    } finally {
      connection.disconnect();
    }
  });
});
