/** Releases over real inference and a real disk: what comes with a model is checked before it is tried, and used afterwards. */
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { createSeededEntropy } from '@starling/federation';
import { expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../adapters/system-clock.js';
import { readRecording } from '../examples/recording.js';
import { defaultInferenceSettings, startServing } from '../inference/index.js';
import { scalingModel } from '../testing/models.js';
import { releaseRepository } from '../testing/release-repository.js';
import { temporaryFolder } from '../testing/small-task.js';
import { startReleases } from './start.js';

const log = { info() {}, warn() {}, error() {} };
const feature = { name: 'x', dataType: 'float32', shape: [3], range: [0, 1] };
const target = { kind: 'class', name: 'state', classes: 3 };
const contract = { features: [feature], target };
const column = { name: 'x', edges: [0], shares: [0.5, 0.5], start: 0, elements: 3 };
const drift = { features: [column], rows: 10 };
const bytesOf = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

test('a release whose contract this device does not meet is refused by name, the next one serves', async () => {
  const clock = systemClock();
  const stateFolder = await temporaryFolder();
  const { service, directory, close } = await startServing({ modelsFolder: stateFolder, clock, log });
  onTestFinished(close);
  const repository = releaseRepository(clock);
  const release = (version: number, own: object): void =>
    repository.release(version, scalingModel(version + 1), {
      health: { watchMs: 0 },
      files: { 'contract.yaml': bytesOf(own), 'drift.json': bytesOf(drift) },
    });
  release(1, { features: [{ ...feature, scale: 2 }], target });
  const tasks: string[] = [];
  const releases = await startReleases({
    ...{ stateFolder, service, directory, clock, log, reportSecondsMax: 0.1 },
    settings: defaultInferenceSettings,
    entropy: createSeededEntropy('start'),
    labelled: async () => undefined,
    async recording(task) {
      tasks.push(task);
      return readRecording('pump', contract, 'recording.yaml');
    },
  });
  onTestFinished(releases.close);
  repository.wanted = [{ name: 'pump', version: 1 }];
  onTestFinished(releases.follow(repository));
  const told = (version: number) => repository.reports.at(-1)?.find((one) => one.version === version);
  await vi.waitFor(() => expect(told(1)?.health).toBe('failed'), 20_000);
  expect(told(1)?.reason).toBe(
    "RELEASE_CONTRACT_UNMET: This device records pump otherwise: the feature x has the scale 1, and 2 in the release's contract.",
  );
  expect(service.isReady('pump')).toBe(false);

  release(2, contract);
  repository.wanted = [{ name: 'pump', version: 2 }];
  await vi.waitFor(() => expect(told(2)?.health).toBe('proven'), 20_000);
  expect(service.describe('pump').version).toBe('2');
  expect(new Set(tasks)).toEqual(new Set(['pump']));
  // Where the watch for drift looks for what came with the model.
  await access(join(releases.folder('pump', '2') ?? '', 'drift.json'));
});
