/**
 * Robust aggregates under masks: a cohort is summed in groups, of which the coordinator sees nothing but the sums, and one
 * hostile device spoils its own group alone.
 */
import { join } from 'node:path';
import { startAgent } from '@starling/edge-agent';
import { onnxruntimeTraining, type TrainingRuntime } from '@starling/engine';
import { expect, test } from 'vitest';
import {
  checkRunLog,
  coordinatorFolder,
  deviceName,
  enrolmentToken,
  examplesFolder,
  type Fleet,
  freePort,
  isAway,
  readRunLog,
  type Scope,
  startCoordinatorProcess,
  startFleet,
  within,
  writeSmallExamples,
} from '../support/index.js';
import { testScope } from '../support/test-scope.js';

/** Learns like everyone else, and hands in the opposite, as long as the bound admits. */
const hostileRuntime: TrainingRuntime = {
  name: onnxruntimeTraining.name,
  async load(plan, options) {
    const session = await onnxruntimeTraining.load(plan, options);
    return {
      ...session,
      async train(request) {
        const result = await session.train(request);
        return { ...result, delta: result.delta.map((value) => -1000 * value) };
      },
    };
  },
};

/** Agents in this process, the first `hostile` of them hostile; they outlive the coordinator. */
async function startAgents(scope: Scope, fleet: Fleet, agents: number, hostile: number): Promise<void> {
  const folder = coordinatorFolder(fleet.folder);
  const { address } = fleet.coordinator;
  await Promise.all(
    Array.from({ length: agents }, async (_, index) => {
      const examples = await writeSmallExamples(examplesFolder(fleet.folder, index), index);
      const deviceId = deviceName(index);
      const agent = await startAgent({
        coordinator: address,
        stateFolder: join(fleet.folder, `state-${index}`),
        examples: new Map([[fleet.task.name, examples]]),
        deviceId,
        enrolmentToken: await enrolmentToken({ address, folder }, deviceId),
        ports: index < hostile ? { runtime: hostileRuntime } : {},
      });
      scope.onClose(() => agent.stop());
    }),
  );
}

const secureAggregation = { keysMs: 4_000, answersMs: 4_000, answersGraceMs: 500 };

test('one hostile device ruins a mean under masks, and neither median nor geometric median over groups', {
  timeout: 90_000,
}, async () => {
  const agents = 9;
  const scope = testScope();
  const fleet = await startFleet(scope, {
    agents: 0,
    rounds: 6,
    overrides: { cohort: { size: agents }, secureAggregation, deadlines: { recruitGraceMs: 0 } },
  });
  await startAgents(scope, fleet, agents, 1);
  const accuracyUnder = async (aggregation: object | undefined, rounds = 6): Promise<number> => {
    const strategy = { kind: 'fedavg', weighting: 'uniform', ...(aggregation && { aggregation }) };
    const task = { ...fleet.task, strategy, stop: { rounds } };
    const run = await fleet.operator.ended(await fleet.operator.start(task, 3));
    expect(run).toMatchObject({ state: 'completed', roundsCommitted: rounds });
    return run.metrics.find(({ name }) => name === 'accuracy')?.value ?? Number.NaN;
  };
  // In training, over all devices' examples, hostile ones' too: those are honest examples.
  expect(await accuracyUnder(undefined, 3)).toBeLessThan(0.75);
  expect(await accuracyUnder({ kind: 'median', groups: 3 })).toBeGreaterThan(0.85);
  expect(await accuracyUnder({ kind: 'geometric-median', groups: 4 })).toBeGreaterThan(0.85);
});

test('a coordinator killed with updates of some groups folded, or masks half off, goes on with all groups, and commits what it would have', {
  timeout: 90_000,
}, async () => {
  const agents = 6;
  const strategy = { kind: 'fedavg', weighting: 'uniform', aggregation: { kind: 'median', groups: 3 } };
  const options = {
    agents: 0,
    rounds: 4,
    epochs: 1,
    overrides: {
      cohort: { size: agents },
      secureAggregation,
      strategy,
      deadlines: { recruitGraceMs: 0 },
      attempts: 50,
    },
  };
  const logOf = async (kills: readonly string[]) => {
    const scope = testScope();
    const port = await freePort();
    const fleet = await startFleet(scope, { ...options, port });
    const folder = coordinatorFolder(fleet.folder);
    await startAgents(scope, fleet, agents, 0);
    let { coordinator } = fleet;
    const runId = await fleet.operator.start(fleet.task, 7);
    let afterSequence = 0;
    for (const stage of kills) {
      await within(`the stage ${stage}`, reached(fleet, runId, stage, afterSequence), { timeoutMs: 20_000 });
      await coordinator.end('SIGKILL');
      afterSequence = (await readRunLog(folder, runId)).length;
      coordinator = await startCoordinatorProcess(scope, { folder, port });
    }
    expect(await fleet.operator.ended(runId)).toMatchObject({ state: 'completed' });
    await coordinator.end('SIGTERM');
    return checkRunLog(await readRunLog(folder, runId));
  };
  expect(await logOf(['collect', 'unmask'])).toEqual(await logOf([]));
});

async function reached({ operator }: Fleet, runId: string, stage: string, afterSequence: number) {
  try {
    for await (const { event } of operator.operations.watchRun({ runId, afterSequence })) {
      if (event?.kind?.kind === 'stageEntered' && event.kind.value.stage === stage) return;
    }
  } catch (error) {
    if (!isAway(error)) throw error;
  }
}
