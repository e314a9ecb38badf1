/** A device and a repository: every attack that The Update Framework lists, full disks, and releases that do badly. */
import { createVirtualClock, delay, makeDelta } from '@starling/federation';
import { describe, expect, test } from 'vitest';
import { type DeviceOptions, passTime, releaseDevice } from '../testing/release-device.js';
import { memoryDisk } from '../testing/release-disk.js';
import {
  type ReleaseRepository,
  releaseKeys,
  releaseRepository,
  releaseSigner,
  sha256Of,
} from '../testing/release-repository.js';
import type { ReleaseReport } from './index.js';
import { wishRetry } from './retry-wishes.js';

const startMs = Date.UTC(2026, 0, 1);
const dayMs = 86_400_000;
const keys = releaseKeys();
const models = [1, 2, 3].map((version) => Buffer.alloc(300, `model ${version} `));
const signed = new Map(models.map((model, index) => [index + 1, sha256Of(model)]));

/** A device that serves version 1, proven, of a repository that has version 2 as well. */
async function world(options: Partial<DeviceOptions> = {}, health: object = {}) {
  const clock = createVirtualClock(startMs);
  const repository = releaseRepository(clock, 'pump', keys);
  const disk = memoryDisk();
  repository.release(1, models[0], { health: { watchMs: 200 } });
  repository.sign({ versions: 5 });
  repository.wanted = [{ name: 'pump', version: 1 }];
  const start = () => releaseDevice({ clock, files: disk, transport: repository, signed, ...options });
  const device = await start();
  const proven = (version: number) => passTime(clock, () => last(repository, version)?.health === 'proven');
  await proven(1);
  const want = (version: number): void => {
    repository.wanted = [{ name: 'pump', version }];
  };
  const told = async (version: number, is: (report: ReleaseReport) => boolean): Promise<string> => {
    await passTime(clock, () => {
      const report = last(repository, version);
      return report !== undefined && is(report);
    });
    return last(repository, version)?.reason ?? '';
  };
  repository.release(2, models[1], { health: { watchMs: 200, ...health } });
  return { clock, repository, disk, device, start, proven, want, told };
}

function last({ reports }: ReleaseRepository, version: number): ReleaseReport | undefined {
  return reports.at(-1)?.find((one) => one.version === version);
}

test('a release that the coordinator wants is taken over, and the one before again', async () => {
  const { device, proven, want, repository, clock } = await world();
  want(2);
  await proven(2);
  expect(device.serving).toBe(2);
  const { sentBytes } = repository;
  want(1);
  await proven(1);
  expect(device.serving).toBe(1);
  // It was in the other slot.
  expect(repository.sentBytes).toBe(sentBytes);
  want(0);
  await passTime(clock, () => device.serving === undefined);
});

type World = Awaited<ReturnType<typeof world>>;

/** What somebody on the way, or with some of the keys, puts in the place of what was signed. */
const attacks: Readonly<Record<string, readonly [code: string, attack: (world: World) => void]>> = {
  'arbitrary software': [
    'RELEASE_SIGNATURES_MISSING',
    ({ repository }) => repository.sign({ signers: [releaseSigner(), releaseSigner()] }),
  ],
  'keys below the threshold': [
    'RELEASE_SIGNATURES_MISSING',
    ({ repository }) => repository.sign({ signers: keys.people.slice(0, 1) }),
  ],
  rollback: ['RELEASE_ROLLBACK', ({ repository }) => repository.sign({ versions: 1 })],
  'indefinite freeze': ['RELEASE_EXPIRED', ({ clock }) => clock.shiftWallClock(2 * dayMs)],
  'mix and match': [
    'RELEASE_MIX_AND_MATCH',
    ({ repository: { files } }) => {
      const targets = [...files].find(([path]) => path === 'targets/1')?.[1];
      for (const path of files.keys()) if (path.startsWith('targets/') && targets) files.set(path, targets);
    },
  ],
  'wrong software': [
    'RELEASE_UNKNOWN',
    // What is wanted is a release of that name which nobody signed.
    ({ want }) => want(3),
  ],
  'another release under its name': [
    'RELEASE_MIX_AND_MATCH',
    ({ repository }) => repository.release(2, models[1], { description: { version: 1 } }),
  ],
  'endless data': [
    'RELEASE_TOO_LARGE',
    ({ repository: { contents } }) => contents.set(sha256Of(models[1]), Buffer.alloc(100_000, 'x')),
  ],
  'endless metadata': [
    'RELEASE_TOO_LARGE',
    ({ repository: { files } }) => files.set('timestamp/0', Buffer.alloc(17 * 1024, ' ')),
  ],
  'slow retrieval': [
    'RELEASE_TOO_SLOW',
    ({ repository, clock }) => {
      const whole = repository.download;
      Object.assign(repository, {
        async *download(sha256: string, offset: number, signal: AbortSignal) {
          for await (const chunk of whole(sha256, offset, signal)) {
            for (const byte of chunk) {
              await delay(clock, 1_000, signal);
              yield Uint8Array.of(byte);
            }
          }
        },
      });
    },
  ],
  'other content': [
    'RELEASE_CONTENT_MISMATCH',
    ({ repository: { contents } }) => contents.set(sha256Of(models[1]), Buffer.alloc(300, 'x')),
  ],
  'content that breaks off': [
    'RELEASE_CONTENT_MISMATCH',
    ({ repository: { contents } }) => contents.set(sha256Of(models[1]), models[1].subarray(0, 100)),
  ],
  'a root by other people': [
    'RELEASE_SIGNATURES_MISSING',
    ({ repository, clock }) => {
      const stranger = releaseRepository(clock, 'pump');
      stranger.rotate(releaseKeys());
      repository.files.set('root/2', stranger.files.get('root/2') ?? Buffer.alloc(0));
    },
  ],
};

describe.each(Object.entries(attacks))('%s', (_name, [code, attack]) => {
  test(`is refused as ${code}, what served goes on, and what is signed is taken over once it comes`, async () => {
    const its = await world();
    const { repository, device, want, told, proven, clock } = its;
    const { download } = repository;
    want(2);
    attack(its);
    const version = repository.wanted[0].version;
    expect(await told(version, ({ health, reason }) => health === 'trying' && reason !== '')).toContain(code);
    expect(device.serving).toBe(1);
    repository.files.delete('root/2');
    Object.assign(repository, { download });
    for (const model of models) repository.contents.set(sha256Of(model), model);
    if (version === 3) repository.release(3, models[2], { health: { watchMs: 200 } });
    else repository.release(2, models[1], { health: { watchMs: 200 } });
    // After the rollback, versions are beyond those that were believed.
    repository.sign({ versions: 50, lifeMs: 10 * dayMs });
    await proven(version);
    expect(device.serving).toBe(version);
    expect(clock.now()).toBeGreaterThan(startMs);
  });
});

test('whoever drove the counters up is outrun by a root with other keys (fast-forward)', async () => {
  const { repository, want, told, proven } = await world();
  repository.sign({ versions: 1_000_000 });
  want(2);
  await proven(2);
  repository.sign({ versions: 7 });
  repository.release(3, models[2], { health: { watchMs: 200 } });
  want(3);
  expect(await told(3, ({ reason }) => reason !== '')).toContain('RELEASE_ROLLBACK');
  repository.rotate(releaseKeys());
  await proven(3);
});

test('the pinned root is the only one that is followed', async () => {
  const clock = createVirtualClock(startMs);
  const ours = releaseRepository(clock, 'pump', keys);
  const theirs = releaseRepository(clock, 'pump');
  theirs.release(1, models[0]);
  theirs.wanted = [{ name: 'pump', version: 1 }];
  const root = ours.files.get('root/1');
  const device = await releaseDevice({
    ...{ clock, files: memoryDisk(), transport: theirs, signed },
    settings: { root },
  });
  await passTime(clock, () => last(theirs, 1)?.reason !== undefined && last(theirs, 1)?.reason !== '');
  expect(last(theirs, 1)?.reason).toContain('RELEASE_SIGNATURES_MISSING');
  expect(device.serving).toBeUndefined();
});

test('a full disk is told, gives back what it took, and is tried again', async () => {
  const { disk, device, want, told, proven } = await world();
  const used = async () => ((await disk.list('pump/b')).length > 0 ? 'something' : 'nothing');
  disk.bytesMax = 7_000;
  want(2);
  expect(await told(2, ({ health, reason }) => health === 'trying' && reason !== '')).toContain(
    'agent/disk-full',
  );
  expect(device.serving).toBe(1);
  expect(await used()).toBe('nothing');
  disk.bytesMax = Number.POSITIVE_INFINITY;
  await proven(2);
});

test('a download goes on where it broke off', async () => {
  const { repository, want, proven } = await world();
  const download = repository.download;
  let isBroken = true;
  Object.assign(repository, {
    async *download(sha256: string, offset: number, signal: AbortSignal) {
      for await (const chunk of download(sha256, offset, signal)) {
        yield chunk;
        if (isBroken && offset === 0 && sha256 === sha256Of(models[1])) {
          isBroken = false;
          throw new Error('the connection broke');
        }
      }
    },
  });
  repository.sentBytes = 0;
  want(2);
  await proven(2);
  const description = [...repository.contents.values()].filter((bytes) =>
    Buffer.from(bytes).includes('"version":2'),
  );
  expect(repository.sentBytes).toBe(models[1].byteLength + description[0].byteLength);
});

test('a download whose process is killed goes on from its byte in the next one', async () => {
  const { repository, want, proven, device, start, clock } = await world();
  const size = models[1].byteLength;
  const offsets: number[] = [];
  const download = repository.download;
  Object.assign(repository, {
    async *download(sha256: string, offset: number, signal: AbortSignal) {
      if (sha256 === sha256Of(models[1])) offsets.push(offset);
      for await (const chunk of download(sha256, offset, signal)) {
        yield chunk;
        if (sha256 === sha256Of(models[1]) && offset === 0) device.kill();
      }
    },
  });
  want(2);
  await passTime(clock, () => offsets.length === 1);
  await passTime(clock, () => device.hasDied);
  const again = await start();
  repository.sentBytes = 0;
  await proven(2);
  expect(again.serving).toBe(2);
  const [first, second] = offsets;
  expect(first).toBe(0);
  expect(second).toBeGreaterThan(0);
  // The rest of the model, and nothing else.
  expect(repository.sentBytes).toBe(size - second);
});

test.each([
  ['a delta', models[0], 200],
  ['a delta of something else, in vain', Buffer.alloc(300, 'other'), 600],
  ['a delta that is none, in vain', undefined, 600],
])('%s makes the model of the one in the other slot', async (_name, from, sentMax) => {
  const { repository, want, proven, device } = await world();
  const delta = from === undefined ? Buffer.from('no delta') : makeDelta(from, models[1]);
  const files = { 'model.from-1.delta': delta ?? Buffer.alloc(0) };
  // Of the whole, nothing is sent where the delta does.
  repository.release(2, models[1], { files, health: { watchMs: 200 } });
  repository.sentBytes = 0;
  want(2);
  await proven(2);
  expect(device.serving).toBe(2);
  expect(repository.sentBytes).toBeLessThan(sentMax);
  expect(repository.sentBytes > models[1].byteLength).toBe(sentMax > 300);
});

describe('a release that does badly is gone by itself, and not tried again', () => {
  const cases: Readonly<Record<string, readonly [RegExp, object, Partial<DeviceOptions>]>> = {
    'it fails its health check': [
      /not finite/,
      {},
      { check: async ({ version }) => (version === 2 ? 'An answer of it is not finite.' : undefined) },
    ],
    'its answers are slow': [
      /99 of 100 answers took up to 30.0 ms; 5 ms/,
      { watchMs: 60_000, latencyMsMax: 5 },
      { figures: (version) => ({ requests: 50, latencyP99Ms: version === 2 ? 30 : 1 }) },
    ],
    'its requests fail': [
      /9 of 50 requests failed/,
      { watchMs: 60_000 },
      { figures: (version) => ({ requests: 50, failures: version === 2 ? 9 : 0 }) },
    ],
  };
  test.each(Object.entries(cases))('%s', async (_name, [reason, health, options]) => {
    const { device, repository, want, told, clock } = await world(options, health);
    want(2);
    expect(await told(2, (report) => report.health === 'failed')).toMatch(reason);
    expect(device.serving).toBe(1);
    const { sentBytes } = repository;
    const reports = repository.reports.length;
    await passTime(clock, () => repository.reports.length > reports + 5);
    expect(device.serving).toBe(1);
    expect(repository.sentBytes).toBe(sentBytes);
  });

  test('its scores drift', async () => {
    const { device, want, told } = await world({}, { watchMs: 60_000, scoreDriftMax: 0.3 });
    want(2);
    await told(2, (report) => report.health === 'watched');
    device.releases.drifted('pump', '2', 0.29);
    device.releases.drifted('pump', '1', 9);
    device.releases.drifted('pump', '2', 0.5);
    expect(await told(2, (report) => report.health === 'failed')).toContain('0.50; 0.3 are allowed');
    expect(device.serving).toBe(1);
  });

  test.each(['watched', 'trying'] as const)(
    'the process dies again and again while it is %s',
    async (health) => {
      // A check that never ends stands for one that ends the process.
      const check = async ({ version }: { readonly version: number }, signal: AbortSignal) =>
        version === 2 && health === 'trying'
          ? new Promise<undefined>((_resolve, reject) => {
              signal.addEventListener('abort', () => reject(signal.reason));
            })
          : undefined;
      const its = await world({ check }, { watchMs: 60_000, crashesMax: 2 });
      const { want, told, start, clock } = its;
      let { device } = its;
      want(2);
      const stage = health === 'watched' ? 'watching' : 'checking';
      await passTime(clock, () => device.releases.state.models.pump.stage.kind === stage);
      for (let crash = 1; crash <= 3; crash++) {
        device.kill();
        device = await start();
        expect(device.serving).toBe(health === 'watched' && crash < 3 ? 2 : 1);
      }
      const ended = /The process ended 3 times while it was (watched|tried)/;
      expect(await told(2, (report) => report.health === 'failed')).toMatch(ended);
    },
  );
});

describe('what was given up', () => {
  /** A device on which version 2 fails its check until `mend`; it has been given up. */
  const givenUp = async () => {
    let isMended = false;
    let checks = 0;
    const check = async ({ version }: { readonly version: number }) => {
      if (version !== 2) return undefined;
      checks += 1;
      return isMended ? undefined : 'It does not fit.';
    };
    const its = await world({ check });
    its.want(2);
    await its.told(2, (report) => report.health === 'failed');
    const mend = () => {
      isMended = true;
    };
    return { ...its, mend, checks: () => checks };
  };

  test('is tried again once a person on the device wishes it', async () => {
    const { device, disk, proven, mend, checks, repository, clock, told } = await givenUp();
    await wishRetry(disk, { name: 'pump', version: 3 });
    const reports = repository.reports.length;
    await passTime(clock, () => repository.reports.length > reports + 3);
    expect(device.releases.state.models.pump.failed.map(({ version }) => version)).toEqual([2]);
    // It was not mended: it is given up anew.
    await wishRetry(disk, { name: 'pump' });
    await passTime(clock, () => checks() === 2);
    expect(await told(2, (report) => report.health === 'failed')).toBe('It does not fit.');
    mend();
    await wishRetry(disk, { name: 'pump', version: 2 });
    await proven(2);
    expect(device.serving).toBe(2);
    expect(device.releases.state.models.pump.failed).toEqual([]);
  });

  test('keeps no higher version from being taken over', async () => {
    const { device, repository, want, proven } = await givenUp();
    repository.release(3, models[2], { health: { watchMs: 200 } });
    want(3);
    await proven(3);
    expect(device.serving).toBe(3);
  });
});

test('a watched release is left without blame where its rollout is stopped elsewhere', async () => {
  const { device, want, told, repository, clock } = await world({}, { watchMs: 60_000 });
  want(2);
  await told(2, (report) => report.health === 'watched');
  want(1);
  await passTime(clock, () => device.serving === 1);
  await passTime(clock, () => last(repository, 1)?.health === 'proven');
  expect(last(repository, 2)).toBeUndefined();
});

test('what was damaged in its slot does not serve; what came before does, until it came again', async () => {
  const { disk, start, want, proven, device, clock } = await world();
  want(2);
  await proven(2);
  await device.releases.close();
  await disk.write('pump/b/model.onnx', 10, Buffer.from('flipped'));
  const again = await start();
  expect(again.serving).toBe(1);
  await passTime(clock, () => again.serving === 2);
  await proven(2);
});
