/** A device that follows releases of the model `pump`, and the repository they come from, in virtual time. */
import { createVirtualClock } from '@starling/federation';
import type { ReleaseReport } from '../releases/index.js';
import { type DeviceOptions, passTime, releaseDevice } from './release-device.js';
import { memoryDisk } from './release-disk.js';
import { type ReleaseRepository, releaseKeys, releaseRepository, sha256Of } from './release-repository.js';

export const startMs = Date.UTC(2026, 0, 1);
export const keys = releaseKeys();
export const models = [1, 2, 3].map((version) => Buffer.alloc(300, `model ${version} `));
export const signed = new Map(models.map((model, index) => [index + 1, sha256Of(model)]));

/** A device that serves version 1, proven, of a repository that has version 2 as well. */
export async function releaseWorld(options: Partial<DeviceOptions> = {}, health: object = {}) {
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

export function last({ reports }: ReleaseRepository, version: number): ReleaseReport | undefined {
  return reports.at(-1)?.find((one) => one.version === version);
}

export type ReleaseWorld = Awaited<ReturnType<typeof releaseWorld>>;
