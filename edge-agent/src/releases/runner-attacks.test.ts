/** Every attack that The Update Framework's specification lists (section 1.5.2), and how each is refused by name. */
import { createVirtualClock, delay } from '@starling/federation';
import { describe, expect, test } from 'vitest';
import { passTime, releaseDevice } from '../testing/release-device.js';
import { memoryDisk } from '../testing/release-disk.js';
import { releaseKeys, releaseRepository, releaseSigner, sha256Of } from '../testing/release-repository.js';
import {
  keys,
  last,
  models,
  type ReleaseWorld,
  releaseWorld,
  signed,
  startMs,
} from '../testing/release-world.js';

const dayMs = 86_400_000;

/** What somebody on the way, or with some of the keys, puts in the place of what was signed. */
const attacks: Readonly<Record<string, readonly [code: string, attack: (world: ReleaseWorld) => void]>> = {
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
    const its = await releaseWorld();
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
  const { repository, want, told, proven } = await releaseWorld();
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
