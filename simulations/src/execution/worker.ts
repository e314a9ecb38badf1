/** A worker thread: one compiled plan, and jobs taken from shared memory until none is left. */
import { parentPort } from 'node:worker_threads';
import { type EvaluateOptions, localStart, onnxruntimeTraining } from '@starling/engine';
import { createAccumulator } from '@starling/federation';
import { ClientExamples } from '../data/examples.js';
import { deriveSeed, purposes } from '../seeds.js';
import { triggeredExamples } from './attacks.js';
import { createClientTrainer, devicePartOf } from './client.js';
import type { EvaluateMessage, TrainMessage, WorkerAnswer, WorkerMessage } from './messages.js';
import { resultFields, testBlock, type WorkerSetting } from './setting.js';

const port = parentPort;
if (port === null) throw new Error('this file is a worker');
/** What comes first; nothing else does before this thread has said that it is ready. */
const setting = await new Promise<WorkerSetting>((resolve) => port.once('message', resolve));
const { plan, personalPlan, shared, local, test } = setting;
const { parameterCount, metrics } = plan.manifest;
const session = await onnxruntimeTraining.load(plan);
const personal = personalPlan === undefined ? undefined : await onnxruntimeTraining.load(personalPlan);
const part = devicePartOf(local.algorithm);
/** Of a client that nobody is: examples that are no client's are looked at with what all start from. */
const beginning = localStart(plan);
const begin = beginning && { local: beginning };
const deltas = { ...createAccumulator(0), parameterCount, sums: setting.sums.deltas };
const extras = part.hasExtra
  ? { ...createAccumulator(0), parameterCount, sums: setting.sums.extras }
  : undefined;
const trainer = await createClientTrainer(setting, { session, personal }, { deltas, extras });

/** ONNX Runtime takes no shared memory: what a slot holds is copied once for each commit. */
const copies = new Map<number, { version: number; readonly values: Float32Array }>();
function slotCopy(slot: number, version: number): Float32Array {
  let copy = copies.get(slot);
  if (copy === undefined) {
    copy = { version: -1, values: new Float32Array(parameterCount) };
    copies.set(slot, copy);
  }
  if (copy.version !== version) {
    copy.values.set(shared.checkpoints.subarray(slot * parameterCount, (slot + 1) * parameterCount));
    copy.version = version;
  }
  return copy.values;
}

async function train(message: TrainMessage): Promise<WorkerAnswer> {
  deltas.sums.fill(0);
  extras?.sums.fill(0);
  setting.sums.masked.fill(0);
  deltas.magnitudeBound = 0;
  if (extras !== undefined) extras.magnitudeBound = 0;
  const { together } = local;
  for (let first = together * take(); first < message.jobs; first = together * take()) {
    const jobs = Array.from({ length: Math.min(together, message.jobs - first) }, (_, at) => first + at);
    const { currentSlot, slotVersions } = message;
    const startOf = (job: number) => slotCopy(shared.slots[job], slotVersions[shared.slots[job]]);
    if (jobs.length > 1 && (await trainer.trainTogether(jobs, message, startOf(first)))) continue;
    for (const job of jobs) {
      await trainer.train(job, message, startOf(job), slotCopy(currentSlot, slotVersions[currentSlot]));
    }
  }
  return {
    kind: 'done',
    magnitudeBound: deltas.magnitudeBound,
    extraBound: extras?.magnitudeBound ?? 0,
  };
}

const take = (): number => Atomics.add(shared.next, 0, 1);

async function evaluate(message: EvaluateMessage): Promise<WorkerAnswer> {
  const parameters = slotCopy(message.slot, message.version);
  for (let job = take(); job < message.jobs; job = take()) {
    if (message.what === 'clients') await evaluateClient(job, parameters, message);
    else await evaluateBlock(job, parameters, message);
  }
  return { kind: 'done', magnitudeBound: 0, extraBound: 0 };
}

const testSource = test === undefined ? undefined : new ClientExamples(test);

async function evaluateBlock(
  job: number,
  parameters: Float32Array,
  { what, firstBlock }: EvaluateMessage,
): Promise<void> {
  if (test === undefined || testSource === undefined) return;
  const first = (firstBlock + job) * testBlock;
  const count = Math.min(testBlock, test.count - first);
  const block = testSource.select(Uint32Array.from({ length: count }, (_, at) => first + at));
  const examples =
    what === 'backdoor' && local.attack?.kind === 'backdoor' ? triggeredExamples(block, local.attack) : block;
  const width = metrics.length + 1;
  const row = shared.blocks.subarray(job * width, (job + 1) * width).fill(0);
  // All of a block may be of the backdoor's class.
  if (examples.count === 0) return;
  const { weight, sums } = await session.evaluate({ parameters, examples, ...begin });
  for (const [at, { name }] of metrics.entries()) row[at] = sums[name];
  row[metrics.length] = weight;
}

type ClientModel = Pick<EvaluateOptions, 'parameters' | 'local'>;

/** The model a client would use: the global one, its own, or the global one after some local epochs. */
async function evaluateClient(
  job: number,
  global: Float32Array,
  { round, learningRate }: EvaluateMessage,
): Promise<void> {
  const client = shared.clients[job];
  const width = resultFields.metrics + metrics.length;
  const row = shared.results.subarray(job * width, (job + 1) * width);
  const model = await personalModel(client, global, round, learningRate);
  const examples = trainer.reader.heldOut(client);
  row.fill(0);
  row[resultFields.examples] = examples.count;
  if (examples.count === 0) return;
  const { sums } = await session.evaluate({ ...model, examples });
  for (const [at, { name }] of metrics.entries()) row[resultFields.metrics + at] = sums[name];
}

async function personalModel(
  client: number,
  global: Float32Array,
  round: number,
  learningRate: number,
): Promise<ClientModel> {
  const { personalization } = local;
  const own = trainer.localOf(client, round + 1)?.slice();
  const withOwn = (parameters: Float32Array): ClientModel => ({
    parameters,
    ...(own === undefined ? {} : { local: own }),
  });
  // Evaluated after the commit of `round`, so what that round kept counts.
  if (trainer.kept?.load(client, round + 1)) {
    if (local.algorithm.kind === 'local-only') {
      return withOwn(global.map((value, i) => value + (trainer.kept?.vectors[0][i] ?? 0)));
    }
    if (personalization?.kind === 'ditto') {
      return withOwn(trainer.kept.vectors[part.keptVectors].slice());
    }
  }
  if (personalization?.kind !== 'fine-tuning' || part.plan.correction) return withOwn(global);
  const tuned = await session.train({
    ...withOwn(global),
    examples: trainer.reader.training(client, local.examplesMax),
    epochs: personalization.epochs,
    learningRate: personalization.learningRate ?? learningRate,
    seed: deriveSeed(local.seed, purposes.personal, round, client),
  });
  return {
    parameters: global.map((value, i) => value + tuned.delta[i]),
    ...(tuned.local === undefined ? {} : { local: tuned.local }),
  };
}

async function answer(message: WorkerMessage): Promise<WorkerAnswer | undefined> {
  switch (message.kind) {
    case 'train':
      return train(message);
    case 'evaluate':
      return evaluate(message);
    case 'close':
      await session.release();
      await personal?.release();
      await trainer.close();
      port?.close();
      return undefined;
  }
}

port.on('message', async (message: WorkerMessage) => {
  try {
    const done = await answer(message);
    if (done !== undefined) port.postMessage(done satisfies WorkerAnswer);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'simulation/worker';
    const text = error instanceof Error ? error.message : String(error);
    port.postMessage({ kind: 'failed', message: text, code } satisfies WorkerAnswer);
  }
});
port.postMessage({ kind: 'ready' } satisfies WorkerAnswer);
