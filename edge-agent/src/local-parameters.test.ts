/** FedBN on devices: batch normalisation stays where it was learned. */
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { localStart, onnxruntimeTraining, type TrainingRuntime, type TrainOptions } from '@starling/engine';
import { float32FromBytes } from '@starling/federation';
import { expect, test } from 'vitest';
import { openLocalStore } from './state/local-store.js';
import { normalizedTask } from './testing/normalized-task.js';
import { offer, smallExamples, temporaryFolder } from './testing/small-task.js';
import { agent, coordinator, key } from './testing/start.js';

/** The small examples, their features moved as another sensor would see them. */
async function shiftedExamples(shift: number): Promise<string> {
  const [header, ...rows] = (await readFile(join(await smallExamples(), 'examples.csv'), 'utf8'))
    .trim()
    .split('\n');
  const folder = await temporaryFolder();
  const moved = rows.map((row) => {
    const [x, y, side] = row.split(',').map(Number);
    return `${0.25 * x + shift},${0.25 * y + shift},${side}`;
  });
  await writeFile(join(folder, 'examples.csv'), [header, ...moved, ''].join('\n'));
  return folder;
}

const planHash = (reference: { readonly sha256: Uint8Array } | undefined): string =>
  Buffer.from(reference?.sha256 ?? []).toString('hex');

test('devices with shifted features keep statistics of their own, and upload nothing of them', async () => {
  const task = normalizedTask();
  const { manifest } = task.plan;
  const start = localStart(task.plan);
  const kept: Float32Array[] = [];
  const deltas: Float32Array[] = [];
  for (const shift of [-0.7, 0.7]) {
    const peer = await coordinator();
    const stateFolder = await temporaryFolder();
    const offered = offer(peer, task);
    peer.script.assignments.push(offered);
    await agent(peer, { stateFolder, examples: new Map([['sides', await shiftedExamples(shift)]]) });
    await peer.until(() => peer.updates.length + peer.failures.length > 0);
    expect(peer.failures).toEqual([]);
    const [{ header, payload }] = peer.updates;
    // All that is uploaded: one float32 for each shared parameter, and sums of metrics.
    expect(payload.byteLength).toBe(4 * manifest.parameterCount);
    expect(header.metrics?.sums.map(({ name }) => name).sort()).toEqual(['accuracy', 'loss']);
    deltas.push(float32FromBytes(payload, manifest.parameterCount));
    const model = { taskName: 'sides', runId: 'run-1', plan: planHash(offered.planManifest) };
    const after = await openLocalStore(stateFolder).load(model);
    if (after === undefined) throw new Error('nothing was kept');
    kept.push(after);
    const sent = new Set(deltas.at(-1));
    expect([...after].filter((value) => sent.has(value))).toEqual([]);
    const [file] = await readdir(join(stateFolder, 'local'));
    expect((await stat(join(stateFolder, 'local', file))).mode & 0o777).toBe(0o600);
  }
  const means = manifest.local?.parameters.find(({ name }) => name === 'norm.mean');
  const meanOf = (flat: Float32Array): Float32Array =>
    flat.subarray(means?.offset, (means?.offset ?? 0) + (means?.shape[0] ?? 0));
  expect(kept[0]).not.toEqual(start);
  const apart = Math.hypot(...meanOf(kept[0]).map((value, i) => value - meanOf(kept[1])[i]));
  expect(apart).toBeGreaterThan(0.5);
  // Both would start the next round from the same shared parameters: the checkpoint plus the mean of what was sent.
  expect(deltas[0]).toHaveLength(deltas[1].length);
});

/** Trains as ONNX Runtime does, and tells with what it was asked to. */
function listening(asked: (Float32Array | undefined)[], failures = 0): TrainingRuntime {
  let left = failures;
  return {
    name: 'onnxruntime',
    async load(plan, options) {
      const session = await onnxruntimeTraining.load(plan, options);
      return {
        ...session,
        async train(wanted: TrainOptions) {
          asked.push(wanted.local?.slice());
          const result = await session.train(wanted);
          left -= 1;
          return left < 0 ? result : { ...result, metrics: { ...result.metrics, weight: Number.NaN } };
        },
        evaluate(wanted) {
          asked.push(wanted.local?.slice());
          return session.evaluate(wanted);
        },
      };
    },
  };
}

test('what is kept survives a restart, belongs to its run, and evaluates that run’s checkpoints', async () => {
  const task = normalizedTask();
  const start = localStart(task.plan);
  const peer = await coordinator();
  const stateFolder = await temporaryFolder();
  const asked: (Float32Array | undefined)[] = [];
  const device = () => agent(peer, { stateFolder, ports: { runtime: listening(asked) } });
  peer.script.assignments.push(offer(peer, task));
  const first = await device();
  await peer.until(() => peer.updates.length + peer.failures.length > 0);
  await first.stop();
  const evaluation = offer(peer, task, { purpose: 'evaluate', training: undefined, round: key(2) });
  const again = offer(peer, task, { round: key(2) });
  const otherRun = offer(peer, task, { round: { runId: 'run-2', round: 1, attempt: 1 } });
  peer.script.assignments.push(evaluation, again, otherRun);
  await device();
  await peer.until(() => peer.updates.length + peer.evaluations.length + peer.failures.length > 3);
  expect(peer.failures).toEqual([]);
  const [before, evaluated, trainedOn, other] = asked;
  expect(before).toEqual(start);
  expect(evaluated).not.toEqual(start);
  expect(trainedOn).toEqual(evaluated);
  expect(other).toEqual(start);
});

test('a round that is trained again begins where it began', async () => {
  const folder = await temporaryFolder();
  const model = { taskName: 'sides', runId: 'run-1', plan: 'a'.repeat(64) };
  const [zero, one, two] = [0, 1, 2].map((value) => Float32Array.of(value, value + 0.5));
  expect(await openLocalStore(folder).load(model)).toBeUndefined();
  await openLocalStore(folder).save(model, 1, zero, one);
  await openLocalStore(folder).save(model, 2, one, two);
  expect(await openLocalStore(folder).load(model, 2)).toEqual(one);
  expect(await openLocalStore(folder).load(model, 3)).toEqual(two);
  expect(await openLocalStore(folder).load(model)).toEqual(two);
  expect(await openLocalStore(folder).load({ ...model, plan: 'b'.repeat(64) })).toBeUndefined();
  expect(await openLocalStore(folder).load({ ...model, taskName: 'other' })).toBeUndefined();
});

test('a file that a disk cut short or changed is worth nothing, and is replaced', async () => {
  const folder = await temporaryFolder();
  const model = { taskName: 'sides', runId: 'run-1', plan: 'a'.repeat(64) };
  const values = Float32Array.of(1, 2, 3);
  const store = openLocalStore(folder);
  const damaged: ((content: Buffer) => Uint8Array)[] = [
    (content) => content.subarray(0, content.length - 1),
    (content) => content.subarray(0, 10),
    (content) => content.with(content.length - 2, content[content.length - 2] ^ 1),
    () => new Uint8Array(0),
  ];
  for (const damage of damaged) {
    await store.save(model, 1, values, values);
    const path = join(folder, 'local', (await readdir(join(folder, 'local')))[0]);
    await writeFile(path, damage(await readFile(path)));
    expect(await store.load(model)).toBeUndefined();
  }
});
