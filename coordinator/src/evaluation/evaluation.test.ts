/** Evaluation through the real engine and over real gRPC: the coordinator's own examples, and those of devices. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onnxruntimeInference } from '@starling/engine';
import { float32Bytes, float32FromBytes } from '@starling/federation';
import { type RunEvent, requireField } from '@starling/proto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  classCount,
  eventsUntil,
  type Fixture,
  featureCount,
  parameterCount,
  startFixture,
  taskJson,
  temporaryFolder,
} from '../testing/coordinator-fixture.js';
import { takePart, takePartUntil } from '../testing/scripted-device.js';

let folder = '';
let fixture: Fixture;

beforeEach(async () => {
  folder = await temporaryFolder();
  fixture = await startFixture();
});

afterEach(async () => {
  await fixture.close();
  await rm(folder, { recursive: true, force: true });
});

function metricsOf(events: readonly RunEvent[], source: string) {
  return events.flatMap(({ kind }) =>
    kind?.kind === 'metricsMeasured'
      ? kind.value.metrics
          .filter((metric) => metric.source === source)
          .map((metric) => ({ round: kind.value.round, ...metric }))
      : [],
  );
}

async function runToEnd(
  task: Readonly<Record<string, unknown>>,
): Promise<{ runId: string; events: RunEvent[] }> {
  const leaving = new AbortController();
  await fixture.operations.applyTask({ definitionJson: taskJson(task) });
  const devices = ['a', 'b', 'c'].map((device) =>
    takePartUntil(fixture, device, leaving.signal).catch((error: unknown) => {
      if (!leaving.signal.aborted) throw error;
    }),
  );
  const { runId } = requireField(
    (await fixture.operations.startRun({ taskName: 'toy', seed: 1 })).run,
    'run',
  );
  const events = await eventsUntil(fixture, runId);
  leaving.abort();
  await Promise.all(devices);
  return { runId, events };
}

const rows = Array.from({ length: 9 }, (_, row) => ({
  features: Array.from({ length: featureCount }, (_, column) => ((row * 7 + column * 3) % 11) / 5 - 1),
  label: row % classCount,
}));

async function writeExamples(): Promise<string> {
  const examples = join(folder, 'examples');
  await mkdir(examples);
  // One feature of several elements spreads over numbered columns.
  const header = [...Array.from({ length: featureCount }, (_, column) => `x.${column}`), 'y'];
  const lines = rows.map(({ features, label }) => [...features, label].join(','));
  await writeFile(join(examples, 'examples.csv'), `${[header.join(','), ...lines].join('\n')}\n`);
  return examples;
}

test('measures every checkpoint on its own examples, as the exported model does', async () => {
  const examples = await writeExamples();
  const { runId, events } = await runToEnd({ evaluation: { central: { examples } } });
  const measured = metricsOf(events, 'central').filter((metric) => metric.name === 'accuracy');
  expect(measured.map((metric) => metric.round)).toEqual([1, 2]);
  expect(measured.map((metric) => metric.weight)).toEqual([9, 9]);

  const { model, round } = await fixture.operations.exportModel({ runId, round: 1 });
  expect(round).toBe(1);
  const chunks: Uint8Array[] = [];
  for await (const { data } of fixture.artifacts.downloadArtifact({
    sha256: requireField(model, 'model').sha256,
    offsetBytes: 0,
  })) {
    chunks.push(data);
  }
  const session = await onnxruntimeInference.load(Buffer.concat(chunks));
  const output = await session.predict(
    Float32Array.from(rows.flatMap(({ features }) => features)),
    rows.length,
  );
  await session.release();
  const correct = rows.filter(({ label }, row) => {
    const scores = [...output.subarray(row * classCount, (row + 1) * classCount)];
    return scores.indexOf(Math.max(...scores)) === label;
  });
  expect(measured[0].value).toBeCloseTo(correct.length / rows.length, 6);
});

test('a task is refused whose central examples cannot be read or break its contract', async () => {
  const apply = (examples: string) =>
    fixture.operations.applyTask({ definitionJson: taskJson({ evaluation: { central: { examples } } }) });
  await expect(apply(join(folder, 'nowhere'))).rejects.toMatchObject({ code: 'TASK_INVALID' });
  const examples = await writeExamples();
  await writeFile(join(examples, 'examples.csv'), 'x.0,y\n1,2\n');
  await expect(apply(examples)).rejects.toThrow(/column "x.1" is missing/);
});

test('examples that cannot be read any more cost the measurement, not the run', async () => {
  const examples = await writeExamples();
  const task = { evaluation: { central: { examples } } };
  await fixture.operations.applyTask({ definitionJson: taskJson(task) });
  await rm(examples, { recursive: true });
  const { events } = await runToEnd(task);
  expect(metricsOf(events, 'central')).toEqual([]);
  expect(events.at(-1)?.kind).toMatchObject({ kind: 'runEnded', value: { state: 'completed' } });
});

test('devices evaluate what they hold out, in rounds of their own', async () => {
  const { runId, events } = await runToEnd({ evaluation: { federated: { everyRounds: 2, holdout: 0.2 } } });
  const purposes = events.flatMap(({ kind }) => (kind?.kind === 'roundStarted' ? [kind.value.purpose] : []));
  expect(purposes).toEqual(['train', 'train', 'evaluate']);
  expect(metricsOf(events, 'federated')).toEqual([
    { round: 2, name: 'accuracy', value: 0.75, source: 'federated', weight: 12 },
  ]);
  const { run } = await fixture.operations.getRun({ runId });
  expect(run).toMatchObject({ roundsCommitted: 2, state: 'completed' });
});

test('the checkpoint is the start plus the mean of the devices’ updates', async () => {
  await fixture.operations.applyTask({
    definitionJson: taskJson({ cohort: { size: 1 }, stop: { rounds: 1 } }),
  });
  const { run } = await fixture.operations.startRun({ taskName: 'toy', seed: 1 });
  const { runId, checkpoint } = requireField(run, 'run');
  const delta = await takePart(fixture, 'only');
  await eventsUntil(fixture, runId);
  const after = requireField((await fixture.operations.getRun({ runId })).run, 'run').checkpoint;
  const load = async (reference: typeof checkpoint): Promise<Float32Array> => {
    const chunks: Uint8Array[] = [];
    const { sha256 } = requireField(reference, 'checkpoint');
    for await (const { data } of fixture.artifacts.downloadArtifact({ sha256, offsetBytes: 0 }))
      chunks.push(data);
    return float32FromBytes(Buffer.concat(chunks), parameterCount);
  };
  const [start, end] = [await load(checkpoint), await load(after)];
  expect(float32Bytes(end)).not.toEqual(float32Bytes(start));
  for (const [index, value] of end.entries()) expect(value - start[index]).toBeCloseTo(delta[index], 6);
});
