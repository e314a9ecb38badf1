/**
 * What federated averaging must equal: plain training where there is one agent, the weighted mean of the agents'
 * updates where there are several, and itself when it is run again.
 */
import {
  buildModel,
  initializeParameters,
  onnxruntimeTraining,
  parseModel,
  type TrainResult,
} from '@starling/engine';
import { expect, test } from 'vitest';
import {
  createDevice,
  deviceName,
  examplesFolder,
  type Fleet,
  openSmallExamples,
  type Scope,
  smallPlan,
  startFleet,
  startSmallAgent,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';

const tolerance = 1e-6;

function floats(bytes: Uint8Array): Float32Array {
  return new Float32Array(Uint8Array.from(bytes).buffer);
}

function largestDifference(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((largest, value, index) => Math.max(largest, Math.abs(value - b[index])), 0);
}

async function finalParameters({ operator }: Fleet, runId: string): Promise<Float32Array> {
  const run = await operator.ended(runId);
  expect(run.state).toBe('completed');
  return floats(await operator.download(run.checkpoint?.sha256 ?? new Uint8Array()));
}

async function checkpointHash({ operator }: Fleet, runId: string): Promise<string> {
  const run = await operator.ended(runId);
  expect(run.state).toBe('completed');
  return Buffer.from(run.checkpoint?.sha256 ?? []).toString('hex');
}

/** The checkpoint and seed that a device is given in the first round of a new run of the same seed. */
async function firstAssignment(scope: Scope, fleet: Fleet, deviceId: string) {
  const device = await createDevice(scope, fleet.coordinator, deviceId, fleet.task.name);
  const assignment = await device.work();
  return { parameters: await device.parameters(assignment), seed: assignment.training?.seed ?? 0 };
}

async function train(
  fleet: Fleet,
  index: number,
  from: { readonly parameters: Float32Array; readonly seed: number },
  epochs = fleet.task.training.epochs,
): Promise<TrainResult & { readonly examples: number }> {
  const examples = await openSmallExamples(examplesFolder(fleet.folder, index));
  const session = await onnxruntimeTraining.load(smallPlan(fleet.task));
  const { learningRate } = fleet.task.training;
  const result = await session.train({ ...from, examples, epochs, learningRate });
  await session.release();
  return { ...result, examples: examples.count };
}

test('FedAvg of one agent with all the data is plain training, however the epochs are split into rounds', async () => {
  const scope = testScope();
  // One step an epoch over all examples: then the order in which each round shuffles them does not matter.
  const fleet = await startFleet(scope, { agents: 1, rounds: 6, epochs: 2, batchSize: 60 });
  const federated = await finalParameters(fleet, await fleet.operator.start(fleet.task, 11));

  const parameters = initializeParameters(buildModel(parseModel(fleet.task.model)), 11);
  const plain = await train(fleet, 0, { parameters, seed: 0 }, 6 * 2);
  const expected = parameters.map((value, index) => value + plain.delta[index]);
  expect(largestDifference(federated, parameters)).toBeGreaterThan(0.1);
  expect(largestDifference(federated, expected)).toBeLessThan(tolerance);
});

test('FedAvg of K agents is the mean of their updates, weighted by their examples', async () => {
  const scope = testScope();
  const examples = [60, 25, 113];
  const fleet = await startFleet(scope, { agents: 3, rounds: 1, epochs: 3, examples });
  const federated = await finalParameters(fleet, await fleet.operator.start(fleet.task, 5));

  // The same seed gives every device the same work again; this time it is done here, by the engine alone.
  await Promise.all(fleet.agents.map((agent) => agent.end()));
  await fleet.operator.operations.startRun({ taskName: fleet.task.name, seed: 5 });
  const work = await Promise.all(
    examples.map((_, index) => firstAssignment(scope, fleet, deviceName(index))),
  );
  const results: Awaited<ReturnType<typeof train>>[] = [];
  for (const [index, from] of work.entries()) results.push(await train(fleet, index, from));

  expect(results.map((result) => result.examples)).toEqual(examples);
  const total = examples.reduce((sum, count) => sum + count);
  const expected = work[0].parameters.map((start, index) => {
    const sum = results.reduce((partial, result) => partial + result.examples * result.delta[index], 0);
    return start + sum / total;
  });
  expect(largestDifference(federated, work[0].parameters)).toBeGreaterThan(0.01);
  expect(largestDifference(federated, expected)).toBeLessThan(tolerance);
  // The weights matter: an unweighted mean is another model.
  const unweighted = work[0].parameters.map(
    (start, index) => start + results.reduce((sum, result) => sum + result.delta[index], 0) / 3,
  );
  expect(largestDifference(federated, unweighted)).toBeGreaterThan(1e-3);
});

test('the same seed gives the same model bit for bit, also to agents that start anew', async () => {
  const scope = testScope();
  const fleet = await startFleet(scope, { agents: 2, rounds: 2 });
  const quantized = { ...fleet.task, encoding: { kind: 'stochastic-quantization', blockSize: 64 } };
  const learn = async (task: typeof fleet.task, seed: number): Promise<string> =>
    checkpointHash(fleet, await fleet.operator.start(task, seed));

  const first = await learn(fleet.task, 42);
  const firstQuantized = await learn(quantized, 42);
  expect(await learn(fleet.task, 43)).not.toBe(first);
  expect(firstQuantized).not.toBe(first);

  await Promise.all(fleet.agents.map((agent) => agent.end()));
  // Nothing that an agent kept decides, nor which one was there first.
  for (const index of [1, 0]) {
    await startSmallAgent(scope, fleet.folder, fleet.coordinator.address, index, fleet.task.name, 'anew');
  }
  expect(await learn(fleet.task, 42)).toBe(first);
  expect(await learn(quantized, 42)).toBe(firstQuantized);
});
