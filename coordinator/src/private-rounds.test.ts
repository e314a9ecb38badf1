/** Private rounds over the real API: what devices may send, and what becomes of it in the sum. */
import { float32Bytes, float32FromBytes } from '@starling/federation';
import { type Assignment, requireField, type UploadUpdateRequest } from '@starling/proto';
import { expect, onTestFinished, test } from 'vitest';
import { eventsUntil, parameterCount, startFixture, taskJson } from './testing/coordinator-fixture.js';
import { awaitWork, uploadMessages } from './testing/scripted-device.js';

/** So little noise that sums can be compared, and a budget that pays for it. */
const privacy = { kind: 'central', epsilon: 1e15, delta: 1e-5, clip: 1, noise: 1e-6, accountant: 'rdp' };

/** An update of one element, with the metrics that a private round allows: none. */
function* privateUpload(
  assignment: Assignment,
  device: string,
  element: number,
  value: number,
): Generator<UploadUpdateRequest> {
  const delta = new Float32Array(parameterCount);
  delta[element] = value;
  for (const message of uploadMessages(assignment, device, {
    payload: float32Bytes(delta),
    exampleCount: 1,
  })) {
    if (message.part?.kind !== 'header') yield message;
    else
      yield { part: { kind: 'header', value: { ...message.part.value, metrics: { weight: 1, sums: [] } } } };
  }
}

test('a device adds no more than the bound, whatever it sends, and tells nothing beside its update', async () => {
  const fixture = await startFixture();
  onTestFinished(() => fixture.close());
  await fixture.applyTask(taskJson({ privacy, stop: { rounds: 1 } }));
  const { run } = await fixture.operations.startRun({ taskName: 'toy', seed: 1 });
  const { runId } = requireField(run, 'run');
  const devices = ['a', 'b', 'c'];
  const assignments = await Promise.all(devices.map((device) => awaitWork(fixture, device)));
  const [a, b, c] = assignments;
  expect(a.training?.privacy).toEqual({
    kind: 'central',
    epsilon: 1e15,
    delta: 1e-5,
    clipBound: 1,
    countWithinBound: false,
    noiseMultiplier: expect.any(Number),
  });

  // What it saw in training is not to be told.
  await expect(fixture.rounds.uploadUpdate(uploadMessages(a, 'a'))).rejects.toMatchObject({
    code: 'METRICS_INVALID',
  });
  // More than 2^20 bounds: no weight makes it small enough.
  await expect(fixture.rounds.uploadUpdate(privateUpload(a, 'a', 0, 2 ** 21))).rejects.toMatchObject({
    code: 'UPDATE_TOO_LARGE',
  });
  await fixture.rounds.uploadUpdate(privateUpload(a, 'a', 0, 16));
  await fixture.rounds.uploadUpdate(privateUpload(b, 'b', 1, 0.5));
  await fixture.rounds.uploadUpdate(privateUpload(c, 'c', 2, -0.5));

  const events = await eventsUntil(fixture, runId);
  expect(events.some((event) => event.kind?.kind === 'metricsMeasured')).toBe(false);
  const committed = events.find((event) => event.kind?.kind === 'roundCommitted')?.kind;
  expect(committed?.kind === 'roundCommitted' && committed.value.privacy).toMatchObject({
    kind: 'central',
    epsilonBudget: 1e15,
    clipBound: 1,
  });

  const read = async (sha256: Uint8Array): Promise<Float32Array> => {
    const parts: Uint8Array[] = [];
    for await (const { data } of fixture.artifacts.downloadArtifact({ sha256, offsetBytes: 0 }))
      parts.push(data);
    return float32FromBytes(new Uint8Array(Buffer.concat(parts)), parameterCount);
  };
  const before = await read(requireField(a.checkpoint, 'checkpoint').sha256);
  const { run: ended } = await fixture.operations.getRun({ runId });
  const after = await read(requireField(ended?.checkpoint, 'checkpoint').sha256);
  const moved = after.map((value, i) => value - before[i]);
  [1 / 3, 0.5 / 3, -0.5 / 3, 0].forEach((expected, i) => {
    expect(moved[i]).toBeCloseTo(expected, 4);
  });
});
