/** What a form of a model is worth: how often it is right, how long it takes, how far each layer is off. */
import type { Tensor } from 'onnxruntime-node';
import { type Model, readModel, type Value } from '../onnx/index.js';
import { randomStream, uniform01 } from '../random.js';
import { createSession } from '../runtimes/onnxruntime-session.js';
import type { ExampleSource } from '../runtimes/runtime.js';
import { classDecision } from './decision.js';
import { QuantizeError } from './errors.js';
import type { PreparedModel } from './prepare.js';
import { feedTensor, type RunOptions, runExamples, type SoleInput, soleInput } from './run-examples.js';

/** What an example's target is. */
export interface TargetKind {
  readonly kind: 'class' | 'number';
  /** Numbers of one target. */
  readonly elements: number;
}

/** `accuracy` is the share of right classes; `error` the root of the mean squared error. */
export type Quality =
  | { readonly metric: 'accuracy'; readonly value: number; readonly examples: number }
  | { readonly metric: 'error'; readonly value: number; readonly examples: number };

/**
 * How good the first output is against the targets.
 * @throws QuantizeError `quantize/options` where the output is not what such targets are compared with
 */
export async function measureQuality(
  model: Model,
  examples: ExampleSource,
  target: TargetKind,
  options: RunOptions = {},
): Promise<Quality> {
  const output = model.graph.outputs[0].name;
  const decide = target.kind === 'class' ? classDecision(model) : undefined;
  let [sum, count, elements] = [0, 0, 0];
  await runExamples(model, [], examples, options, ({ indices, values }) => {
    const given = values(output);
    const columns = given.length / indices.length;
    const wanted = new (target.kind === 'class' ? Int32Array : Float32Array)(
      indices.length * target.elements,
    );
    examples.readTargets(indices, wanted);
    if (decide !== undefined) {
      for (let row = 0; row < indices.length; row++) {
        if (decide(given.subarray(row * columns, (row + 1) * columns)) === wanted[row]) sum += 1;
      }
    } else {
      if (columns !== target.elements) {
        throw new QuantizeError(
          'quantize/options',
          `the output ${output} gives ${columns} numbers for an example, and its target has ${target.elements}; name the contract of this model`,
        );
      }
      for (let at = 0; at < given.length; at++) sum += (given[at] - wanted[at]) ** 2;
    }
    count += indices.length;
    elements += given.length;
  });
  return target.kind === 'class'
    ? { metric: 'accuracy', value: sum / count, examples: count }
    : { metric: 'error', value: Math.sqrt(sum / elements), examples: count };
}

/** How much worse the second is, in the metric's own unit; negative where it is better. */
export function drop(before: Quality, after: Quality): number {
  return before.metric === 'accuracy' ? before.value - after.value : after.value - before.value;
}

/** Whether the second is worse by no more than that, to rounding: 0.995 is 0.005 worse than 1. What is no number is never good enough. */
export function isGoodEnough(before: Quality, after: Quality, dropMax: number): boolean {
  return drop(before, after) <= dropMax + 1e-9 * Math.abs(before.value);
}

/** Power of a layer's output over that of its error, in decibels; higher is better, 6 more are one bit more. */
export interface LayerError {
  readonly layer: string;
  readonly sqnr: number;
}

/**
 * What each layer's output is off by, with the errors of the layers before it.
 * @param changed a form of the prepared model in which values have the names they have there
 */
export async function measureLayerErrors(
  prepared: PreparedModel,
  changed: Model,
  examples: ExampleSource,
  options: RunOptions = {},
): Promise<readonly LayerError[]> {
  const there = new Set(changed.graph.nodes.flatMap(({ outputs }) => outputs));
  const compared = prepared.layers.filter(({ node }) => there.has(node.outputs[0]));
  const read = compared.map(({ node }) => prepared.valueNamed(node.outputs[0]));
  const power = new Float64Array(compared.length);
  const error = new Float64Array(compared.length);
  // A few examples at a time, so that what both give can lie side by side.
  const few = { ...options, examplesMax: Math.min(options.examplesMax ?? 32, 32) };
  const exact = await outputsOf(prepared.model, read, examples, few);
  const rounded = await outputsOf(changed, read, examples, few);
  for (const [layer, { name }] of read.entries()) {
    const [a, b] = [exact.get(name) ?? [], rounded.get(name) ?? []];
    for (let batch = 0; batch < a.length; batch++) {
      for (let at = 0; at < a[batch].length; at++) {
        power[layer] += a[batch][at] ** 2;
        error[layer] += (a[batch][at] - b[batch][at]) ** 2;
      }
    }
  }
  return compared.map(({ name }, layer) => ({ layer: name, sqnr: decibels(power[layer], error[layer]) }));
}

async function outputsOf(
  model: Model,
  read: readonly Value[],
  examples: ExampleSource,
  options: RunOptions,
): Promise<ReadonlyMap<string, readonly Float32Array[]>> {
  const found = new Map<string, Float32Array[]>(read.map(({ name }) => [name, []]));
  await runExamples(model, read, examples, options, ({ values }) => {
    for (const [name, list] of found) list.push(values(name).slice());
  });
  return found;
}

/** At most 150: a layer that is exact is as good as f32 can tell. */
export function decibels(power: number, error: number): number {
  return error === 0 ? 150 : Math.min(150, 10 * Math.log10(power / error));
}

export interface Latency {
  readonly batch: number;
  /** Medians in milliseconds, one for each model, in order. */
  readonly ms: readonly number[];
}

export interface LatencyOptions {
  readonly batches: readonly number[];
  readonly threads?: number | undefined;
  /** Milliseconds since some instant. */
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

const repetitions = 15;
const turnMs = 20;

/**
 * Median milliseconds of a run of each model at each batch size. The models run in turns, so that a machine that slows down slows all
 * of them. @throws RuntimeError for a model that cannot be loaded, and the abort reason of `signal`
 */
export async function measureLatency(
  models: readonly Uint8Array[],
  { batches, threads, now, signal }: LatencyOptions,
): Promise<readonly Latency[]> {
  const sessions = [];
  for (const bytes of models) {
    sessions.push(await createSession('the model', bytes, threads === undefined ? {} : { threads }));
  }
  const inputs = models.map((bytes) => soleInput(readModel(bytes)));
  try {
    const measured: Latency[] = [];
    for (const batch of inputs[0].fixedBatch === undefined ? batches : [inputs[0].fixedBatch]) {
      const feeds = inputs.map((input) => randomFeeds(input, batch));
      const times: number[][] = sessions.map(() => []);
      for (let turn = -1; turn < repetitions; turn++) {
        for (const [index, session] of sessions.entries()) {
          signal?.throwIfAborted();
          const started = now();
          let [runs, elapsed] = [0, 0];
          do {
            await session.run(feeds[index]);
            runs += 1;
            elapsed = now() - started;
          } while (elapsed < turnMs && runs < 1000);
          // The first turn warms up.
          if (turn >= 0) times[index].push(elapsed / runs);
        }
      }
      measured.push({ batch, ms: times.map(median) });
    }
    return measured;
  } finally {
    await Promise.all(sessions.map((session) => session.release()));
  }
}

function randomFeeds({ value, rowElements }: SoleInput, batch: number): Record<string, Tensor> {
  const random = randomStream(0, batch);
  const features = Float32Array.from({ length: batch * rowElements }, () => uniform01(random));
  return { [value.name]: feedTensor(value, features, batch) };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
