/** Disks that are full at every step of an update, also to a process that is killed there: what serves is signed, and the end is right. */
import { expect, test } from 'vitest';
import { passTime } from '../testing/release-device.js';
import { last, releaseWorld } from '../testing/release-world.js';

test('a full disk is told, gives back what it took, and is tried again', async () => {
  const { disk, device, want, told, proven } = await releaseWorld();
  const used = async () => ((await disk.list('pump/b')).length > 0 ? 'something' : 'nothing');
  disk.bytesMax = disk.bytes + 100;
  want(2);
  expect(await told(2, ({ health, reason }) => health === 'trying' && reason !== '')).toContain(
    'agent/disk-full',
  );
  expect(device.serving).toBe(1);
  expect(await used()).toBe('nothing');
  disk.bytesMax = Number.POSITIVE_INFINITY;
  await proven(2);
});

test('a disk that is full after any number of bytes, and a process that is killed then', async () => {
  let fullDisks = 0;
  for (let room = 0; ; room += 90) {
    const { clock, disk, device, start, want, repository } = await releaseWorld();
    disk.bytesMax = disk.bytes + room;
    want(2);
    const isFull = () => last(repository, 2)?.reason.includes('agent/disk-full') ?? false;
    const isProven = () => last(repository, 2)?.health === 'proven';
    await passTime(clock, () => {
      expect(device.serving).toBeGreaterThanOrEqual(1);
      return isFull() || isProven();
    });
    if (!isFull()) break;
    fullDisks += 1;
    expect(device.serving).toBe(1);
    device.kill();
    const next = await start();
    expect(next.serving).toBe(1);
    disk.bytesMax = Number.POSITIVE_INFINITY;
    await passTime(clock, () => {
      expect(next.serving).toBeGreaterThanOrEqual(1);
      return isProven();
    });
    expect(next.serving).toBe(2);
    await next.releases.close();
  }
  expect(fullDisks).toBeGreaterThan(50);
});
