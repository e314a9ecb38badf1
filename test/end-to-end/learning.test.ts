/** A coordinator and three agents, each its own process, learn a small task together over gRPC. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { expect, test } from 'vitest';
import {
  checkRunLog,
  coordinatorFolder,
  deviceName,
  examplesFolder,
  openSmallExamples,
  readRunLog,
  startFleet,
  startSmallAgent,
  until,
  writeSmallExamples,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';

const overrides = { evaluation: { federated: { everyRounds: 1, holdout: 0.2 } } };

test('three agents take a run to its end, and the model they learned predicts in any ONNX Runtime', async () => {
  const scope = testScope();
  const fleet = await startFleet(scope, { agents: 3, rounds: 4, overrides });
  const runId = await fleet.operator.start(fleet.task, 7);

  const kinds: (string | undefined)[] = [];
  const accuracies: number[] = [];
  for await (const { kind } of fleet.operator.events(runId)) {
    kinds.push(kind?.kind);
    if (kind?.kind !== 'metricsMeasured') continue;
    const accuracy = kind.value.metrics.find(
      ({ name, source }) => name === 'accuracy' && source === 'federated',
    );
    if (accuracy !== undefined) accuracies.push(accuracy.value);
  }

  const run = await fleet.operator.getRun(runId);
  expect(run).toMatchObject({ state: 'completed', roundsCommitted: 4, roundsTarget: 4 });
  // An update of P parameters in f32 has 4·P bytes; three agents in four rounds.
  expect(run.bytesUploaded).toBe(3 * 4 * (run.checkpoint?.sizeBytes ?? 0));
  expect(run.bytesDownloaded).toBeGreaterThan(run.bytesUploaded);
  expect(kinds.at(-1)).toBe('runEnded');
  expect(accuracies).toHaveLength(4);
  expect(accuracies.at(-1)).toBeGreaterThan(0.95);

  const { model, round } = await fleet.operator.operations.exportModel({ runId, round: 0 });
  expect(round).toBe(4);
  const bytes = await fleet.operator.download(model?.sha256 ?? new Uint8Array());
  expect(bytes.byteLength).toBe(model?.sizeBytes);
  expect(await accuracyOf(bytes, fleet.folder)).toBeGreaterThan(0.95);

  for (const agent of fleet.agents) expect(await agent.end('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(await fleet.coordinator.end('SIGTERM')).toEqual({ code: 0, signal: null });
  const log = await readRunLog(coordinatorFolder(fleet.folder), runId);
  expect(checkRunLog(log)).toHaveLength(4);
  // Each round trains, and its checkpoint is evaluated; all agents take part in all of it.
  const updates = log.flatMap((event) => (event.kind === 'round-committed' ? [event.updates] : []));
  expect(updates).toEqual(Array(8).fill(3));
});

/** Share of examples no agent ever had that the exported model gets right, by ONNX Runtime's own API. */
async function accuracyOf(model: Uint8Array, folder: string): Promise<number> {
  const session = await InferenceSession.create(model);
  const fresh = await openSmallExamples(await writeSmallExamples(`${folder}/fresh`, 100, 90));
  const indices = Uint32Array.from({ length: fresh.count }, (_, index) => index);
  const features = new Float32Array(4 * fresh.count);
  const targets = new Int32Array(fresh.count);
  fresh.readFeatures(indices, features);
  fresh.readTargets(indices, targets);
  expect(session.inputNames).toEqual(['features']);
  const outputs = await session.run({ features: new Tensor('float32', features, [fresh.count, 4]) });
  const scores = outputs.output.data as Float32Array;
  const hits = targets.filter((target, row) => {
    const own = scores.slice(3 * row, 3 * row + 3);
    return own.indexOf(Math.max(...own)) === target;
  });
  return hits.length / fresh.count;
}

test('a run that was stopped goes on from its checkpoint when it is resumed', async () => {
  const scope = testScope();
  const fleet = await startFleet(scope, { agents: 2, rounds: 500 });
  const runId = await fleet.operator.start(fleet.task, 1);
  await until('the second commit', async () => {
    const { roundsCommitted } = await fleet.operator.getRun(runId);
    return roundsCommitted >= 2 ? true : undefined;
  });

  const { run: stopped } = await fleet.operator.operations.stopRun({ runId });
  expect(stopped).toMatchObject({ state: 'stopped' });
  const committed = stopped?.roundsCommitted ?? 0;
  await expect(fleet.operator.operations.stopRun({ runId })).rejects.toMatchObject({
    status: 'failed-precondition',
  });

  const { run: resumed } = await fleet.operator.operations.resumeRun({ runId, rounds: committed + 2 });
  expect(resumed).toMatchObject({ state: 'running', roundsTarget: committed + 2 });
  expect(await fleet.operator.ended(runId)).toMatchObject({
    state: 'completed',
    roundsCommitted: committed + 2,
  });
  await fleet.coordinator.end('SIGTERM');
  expect(checkRunLog(await readRunLog(coordinatorFolder(fleet.folder), runId))).toHaveLength(committed + 2);
});

test('agents that come late join the run, and a run waits for the ones it needs', async () => {
  const scope = testScope();
  const fleet = await startFleet(scope, { agents: 1, rounds: 2, overrides: { cohort: { size: 3 } } });
  const runId = await fleet.operator.start(fleet.task, 3);
  expect(await fleet.operator.getRun(runId)).toMatchObject({ state: 'running', roundsCommitted: 0 });

  for (const index of [1, 2]) {
    await writeSmallExamples(examplesFolder(fleet.folder, index), index);
    await startSmallAgent(scope, fleet.folder, fleet.coordinator.address, index, fleet.task.name);
  }
  expect(await fleet.operator.ended(runId)).toMatchObject({ state: 'completed', roundsCommitted: 2 });
  await fleet.coordinator.end('SIGTERM');
  const log = await readRunLog(coordinatorFolder(fleet.folder), runId);
  const cohorts = log.flatMap(({ kind, devices }) => (kind === 'cohort-selected' ? [devices] : []));
  expect(cohorts).toEqual([
    [deviceName(0), deviceName(1), deviceName(2)],
    [deviceName(0), deviceName(1), deviceName(2)],
  ]);
});
