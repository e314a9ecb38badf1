/** Rounds with a robust aggregate, in a whole coordinator over its real services, with a hostile device and kills. */
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createSeededEntropy, float32Bytes, float32FromBytes, uniform } from '@starling/federation';
import { type Assignment, requireField } from '@starling/proto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  eventsUntil,
  type Fixture,
  parameterCount,
  startFixture,
  taskJson,
  temporaryFolder,
} from '../testing/coordinator-fixture.js';
import { awaitWork, finishWork, takePart, uploadMessages } from '../testing/scripted-device.js';

const devices = ['a', 'b', 'c', 'd', 'e'];
let folder = '';
let fixture: Fixture;
let runId = '';

beforeEach(async () => {
  folder = await temporaryFolder();
});

afterEach(async () => {
  await fixture.close();
  await rm(folder, { recursive: true, force: true });
});

async function begin(aggregation: unknown, rounds: number, name = 'first'): Promise<void> {
  fixture = await startFixture({ folder: join(folder, name) });
  const strategy = { kind: 'fedavg', aggregation };
  await fixture.applyTask(taskJson({ strategy, cohort: { size: devices.length }, stop: { rounds } }));
  runId = requireField((await fixture.operations.startRun({ taskName: 'toy', seed: 3 })).run, 'run').runId;
}

async function checkpointOf({ checkpoint }: Pick<Assignment, 'checkpoint'>): Promise<Float32Array> {
  const parts: Uint8Array[] = [];
  const { sha256 } = requireField(checkpoint, 'checkpoint');
  for await (const { data } of fixture.artifacts.downloadArtifact({ sha256, offsetBytes: 0 }))
    parts.push(data);
  return float32FromBytes(Buffer.concat(parts), parameterCount);
}

/** What is to be learned: every honest device pulls half of the way there, with a noise of its own. */
const target = Float32Array.from({ length: parameterCount }, (_, i) => Math.sin(i));

function distanceToTarget(parameters: Float32Array): number {
  return Math.hypot(...parameters.map((value, i) => value - target[i]));
}

async function honestDelta(assignment: Assignment): Promise<Float32Array> {
  const from = await checkpointOf(assignment);
  const noise = createSeededEntropy(assignment.training?.seed ?? 0);
  return from.map((value, i) => 0.5 * (target[i] - value) + 0.05 * (uniform(noise) - 0.5));
}

/** All five take part in every round; the last turns its update around and makes it twenty times as long. */
async function learnWithAnAttacker(aggregation: unknown, rounds: number) {
  await begin(aggregation, rounds);
  const part = async (device: string, distort: (value: number) => number): Promise<void> => {
    for (let round = 0; round < rounds; round += 1) {
      const assignment = await awaitWork(fixture, device);
      const delta = (await honestDelta(assignment)).map(distort);
      await fixture.rounds.uploadUpdate(
        uploadMessages(assignment, device, { payload: float32Bytes(delta), exampleCount: 10 }),
      );
    }
  };
  const taking = devices.map((device) =>
    part(device, device === 'e' ? (value) => -20 * value : (value) => value),
  );
  await Promise.all(taking);
  await eventsUntil(fixture, runId);
  const run = requireField((await fixture.operations.getRun({ runId })).run, 'run');
  expect(run).toMatchObject({ state: 'completed', roundsCommitted: rounds });
  return distanceToTarget(await checkpointOf(run));
}

test('the mean is carried away by one device of five', async () => {
  expect(await learnWithAnAttacker('mean', 6)).toBeGreaterThan(100);
});

test.each([
  'median',
  { kind: 'trimmed-mean', share: 0.2 },
  { kind: 'krum', byzantine: 1 },
  { kind: 'multi-krum', byzantine: 1 },
  'geometric-median',
])('%o learns all the same', async (aggregation) => {
  expect(await learnWithAnAttacker(aggregation, 6)).toBeLessThan(0.25);
});

test('clipping to a norm bounds what one device does', async () => {
  // It settles where four honest halves of the way balance one step of 1 back: 4·d/2 = 1, from a start beyond 3.
  const distance = await learnWithAnAttacker({ kind: 'norm-clipping', bound: 1 }, 12);
  expect(distance).toBeGreaterThan(0.4);
  expect(distance).toBeLessThan(0.6);
});

async function assignAll(): Promise<Assignment[]> {
  return Promise.all(devices.map((device) => awaitWork(fixture, device)));
}

async function restartOnImage(change: (image: string) => Promise<void>): Promise<string> {
  const image = join(folder, 'image');
  await cp(join(folder, 'first'), image, { recursive: true });
  await fixture.close();
  await change(image);
  fixture = await startFixture({ folder: image });
  return image;
}

async function finalCheckpoint(): Promise<unknown> {
  await eventsUntil(fixture, runId);
  return requireField((await fixture.operations.getRun({ runId })).run, 'run').checkpoint;
}

test('killed while it collects: counted updates are kept, each once, and make the same checkpoint', async () => {
  await begin('median', 1);
  const assignments = await assignAll();
  await finishWork(fixture, 'a', assignments[0]);
  await finishWork(fixture, 'b', assignments[1]);
  const attempt = `${runId}~1-1`;
  const image = await restartOnImage(async (image) => {
    await writeFile(join(image, 'sums', `${attempt}.3`), 'an index whose event was never stored');
    await writeFile(join(image, 'sums', `${attempt}.updates`, '3'), 'an update that was never counted');
  });
  expect((await readdir(join(image, 'sums'))).sort()).toEqual([`${attempt}.2`, `${attempt}.updates`]);
  expect(await finishWork(fixture, 'a', assignments[0])).toBe(false);
  for (const [index, device] of devices.entries()) {
    if (index >= 2) expect(await finishWork(fixture, device, assignments[index])).toBe(true);
  }
  const killed = await finalCheckpoint();
  await fixture.close();

  await begin('median', 1, 'second');
  for (const device of [...devices].reverse()) void takePart(fixture, device);
  expect(await finalCheckpoint()).toEqual(killed);
});

test('when the round is over, its updates leave the disk', async () => {
  await begin({ kind: 'krum', byzantine: 1 }, 2);
  const sums = join(folder, 'first', 'sums');
  await Promise.all(devices.map((device) => takePart(fixture, device)));
  await Promise.all(devices.map((device) => takePart(fixture, device)));
  await finalCheckpoint();
  // Closing waits for what is being cleaned up.
  await fixture.close();
  expect(await readdir(sums)).toEqual([]);
  fixture = await startFixture({ folder: join(folder, 'first') });
});

test('a damaged update ends the attempt with a reason instead of being aggregated', async () => {
  await begin('median', 1);
  const assignments = await assignAll();
  for (let i = 0; i < 4; i += 1) await finishWork(fixture, devices[i], assignments[i]);
  await restartOnImage(async (image) => {
    const path = join(image, 'sums', `${runId}~1-1.updates`, '2');
    const bytes = await readFile(path);
    bytes[5] ^= 1;
    await writeFile(path, bytes);
  });
  await finishWork(fixture, devices[4], assignments[4]);
  await Promise.all(devices.map((device) => takePart(fixture, device)));
  const events = await eventsUntil(fixture, runId);
  const reasons = events.flatMap(({ kind }) => (kind?.kind === 'roundAbandoned' ? [kind.value.reason] : []));
  expect(reasons).toEqual([expect.stringContaining('damaged')]);
});

test.each([
  [{ cohort: { size: 5, minimum: 4 } }, /cohort.minimum: is 4, but krum .* needs 2·1 \+ 3 = 5/],
  [
    { cohort: { size: 5 }, privacy: { kind: 'central', epsilon: 8, delta: 1e-5, clip: 1 } },
    /accounted for sums only/,
  ],
])('a task that asks for what cannot hold is refused: %o', async (changes, words) => {
  fixture = await startFixture({ folder: join(folder, 'first') });
  const strategy = { kind: 'fedavg', aggregation: { kind: 'krum', byzantine: 1 } };
  await expect(fixture.applyTask(taskJson({ strategy, ...changes }))).rejects.toThrow(words);
});
