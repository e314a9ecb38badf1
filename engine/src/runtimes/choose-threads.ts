/**
 * How many threads train a plan fastest. Waking a thread takes as long as a small operator, so that some plans take longer
 * with two threads than with one: a 1-D CNN 2.8 ms a step instead of 2.3, a GRU 7.4 instead of 5.6, where a transformer takes
 * 15.7 instead of 16.7. Nothing tells them apart but a measurement on the machine itself.
 */
import type { InferenceSession } from 'onnxruntime-node';
import { type Plan, planFileNames } from '../plan/index.js';
import { localStart } from '../plan/local.js';
import { ChunkBuffers } from './chunk-buffers.js';
import { ChunkReader } from './chunk-reader.js';
import { RuntimeError } from './errors.js';
import { createSession } from './onnxruntime-session.js';
import type { ExampleSource } from './runtime.js';
import { trainTensors } from './train-tensors.js';

/** Steps of a run, and runs of each number of threads after the first, of which the fastest counts. */
const [stepsMax, runs] = [2, 2];

/** Comparisons that must say the same: a machine that is slower for a second may make one of them wrong. */
const agreeing = 2;

/** One thread must take no more than this of the time that more take: what else runs at the moment decides nothing. */
const shareMax = 0.97;

/**
 * `threads`, or 1 where that trains made-up examples faster. The sessions are loaded one after the other and released, so that
 * memory stays what the plan says.
 * @param now milliseconds since some instant
 */
export async function chooseThreads(plan: Plan, threads: number, now: () => number): Promise<number> {
  const votes = new Map([1, threads].map((choice) => [choice, 0]));
  for (;;) {
    const many = await runMs(plan, threads, now);
    const faster = (await runMs(plan, 1, now)) < shareMax * many ? 1 : threads;
    const count = (votes.get(faster) ?? 0) + 1;
    if (count === agreeing) return faster;
    votes.set(faster, count);
  }
}

/** Of as many steps for any number of threads, in the graph that most steps of a training are made by. */
async function runMs({ manifest, files }: Plan, threads: number, now: () => number): Promise<number> {
  const { blockSteps = 1, chunkSteps } = manifest;
  const name = blockSteps > 1 ? planFileNames.trainBlocks : planFileNames.train;
  const steps = Math.max(blockSteps, Math.min(stepsMax, chunkSteps));
  const graph = files.get(name);
  if (graph === undefined)
    throw new RuntimeError('runtime/load', `the plan lacks its file ${name}; fetch it again`);
  const session = await createSession(name, graph, {
    threads,
    training: true,
    memoryPattern: blockSteps > 1,
  });
  try {
    const tensors = madeUp({ manifest, files }, session, steps);
    let fastest = Number.POSITIVE_INFINITY;
    for (let run = 0; run <= runs; run++) {
      const start = now();
      await session.run(tensors.feeds(0), tensors.fetches(0));
      const took = now() - start;
      // The first takes memory from the system, and makes the threads.
      if (run > 0) fastest = Math.min(fastest, took);
    }
    return fastest;
  } finally {
    await session.release();
  }
}

function madeUp(plan: Plan, session: InferenceSession, steps: number) {
  const { manifest } = plan;
  const { batchSize, parameterCount } = manifest;
  const indices = Uint32Array.from({ length: batchSize }, (_, index) => index);
  const examples: ExampleSource = {
    count: batchSize,
    checked: true,
    readFeatures: (_indices, out) => void out.fill(0),
    readTargets: (_indices, out) => void out.fill(0),
  };
  const buffers = new ChunkBuffers(manifest);
  const rows = steps * batchSize;
  const reader = new ChunkReader(manifest, examples, { batchSize, arrays: buffers.take(rows, rows) });
  for (let step = 0; step < steps; step++) reader.read(step, indices, false);
  const local = localStart(plan);
  const vector = new Float32Array(parameterCount).fill(0.01);
  return trainTensors(manifest, session, reader, {
    runs: [{ session, first: 0, steps }],
    buffers,
    options: {
      parameters: vector,
      ...(manifest.correction === true ? { correction: new Float32Array(parameterCount) } : {}),
      ...(local === undefined ? {} : { local }),
      examples,
      epochs: 1,
      learningRate: 0,
      seed: 1,
    },
  });
}
