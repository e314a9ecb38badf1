/** A device takes over what it is to run, and gives up what does badly. */
import { describe, expect, test } from 'vitest';
import { type DeviceOptions, passTime } from '../testing/release-device.js';
import { last, models, releaseWorld } from '../testing/release-world.js';
import { wishRetry } from './retry-wishes.js';

test('a release that the coordinator wants is taken over, and the one before again', async () => {
  const { device, proven, want, repository, clock } = await releaseWorld();
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
    const { device, repository, want, told, clock } = await releaseWorld(options, health);
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
    const { device, want, told } = await releaseWorld({}, { watchMs: 60_000, scoreDriftMax: 0.3 });
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
      const its = await releaseWorld({ check }, { watchMs: 60_000, crashesMax: 2 });
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
    const its = await releaseWorld({ check });
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
  const { device, want, told, repository, clock } = await releaseWorld({}, { watchMs: 60_000 });
  want(2);
  await told(2, (report) => report.health === 'watched');
  want(1);
  await passTime(clock, () => device.serving === 1);
  await passTime(clock, () => last(repository, 1)?.health === 'proven');
  expect(last(repository, 2)).toBeUndefined();
});

test('what was damaged in its slot does not serve; what came before does, until it came again', async () => {
  const { disk, start, want, proven, device, clock } = await releaseWorld();
  want(2);
  await proven(2);
  await device.releases.close();
  await disk.write('pump/b/model.onnx', 10, Buffer.from('flipped'));
  const again = await start();
  expect(again.serving).toBe(1);
  await passTime(clock, () => again.serving === 2);
  await proven(2);
});
