/** One call from a model to its smaller form and a report on what that is worth. */
import { subset } from '../examples/subset.js';
import { type Model, writeModel } from '../onnx/index.js';
import { trainedRangesKey } from '../plan/names.js';
import { mix32 } from '../random.js';
import type { ExampleSource } from '../runtimes/runtime.js';
import { trainedRanges } from './aware.js';
import { calibrate } from './calibrate.js';
import { chooseRange, type RangeOptions, type ValueRange } from './choose-range.js';
import { compact } from './compact.js';
import { quantizeDynamic } from './dynamic.js';
import { QuantizeError } from './errors.js';
import { isGoodEnough, measureQuality, type Quality, type TargetKind } from './measure.js';
import { calibratedTensors, quantizationPoints } from './points.js';
import { type PreparedModel, prepare } from './prepare.js';
import { prune } from './prune.js';
import type { RangeSketch } from './range-sketch.js';
import { measureSensitivity, type Sensitivity } from './sensitivity.js';
import { quantizeStatic, type StaticOptions } from './static.js';
import { quantizeWeights4 } from './weights4.js';

/** The int8 form with ranges known ahead, that with ranges found as it runs, 4-bit weights, and int8 but for what is sensitive. */
export const quantizeMethods = ['static', 'dynamic', 'weights4', 'mixed'] as const;
export type QuantizeMethod = (typeof quantizeMethods)[number];

export interface QuantizeOptions extends StaticOptions {
  readonly method: QuantizeMethod;
  /** How ranges are chosen; `trained` are those that the model brings, which was trained with quantization. */
  readonly ranges: RangeOptions | 'trained';
  /** Sums of what devices saw, by tensor; without them the examples are run. */
  readonly sketches?: ReadonlyMap<string, RangeSketch> | undefined;
  /** Of which some give the ranges and others say how good the result is. */
  readonly examples: ExampleSource;
  readonly target: TargetKind;
  /** How much worse the result may be, in the metric's unit: 0.005 is half a point of accuracy. */
  readonly qualityDropMax: number;
  /** Share of the weights that become zero before anything else. */
  readonly sparsity?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((stage: QuantizeStage, done: number, total: number) => void) | undefined;
}

export type QuantizeStage = 'calibrate' | 'evaluate' | 'sensitivity' | 'measure';

export interface QuantizedForm {
  readonly model: Model;
  readonly bytes: Uint8Array;
  /** What the form was made of. */
  readonly prepared: PreparedModel;
  /** Layers that stayed f32, by name. */
  readonly excluded: ReadonlySet<string>;
  readonly before: Quality;
  readonly after: Quality;
  /** Of `mixed`, where every layer in integers was not good enough. */
  readonly sensitivity: readonly Sensitivity[];
  /** What the report measures errors on. */
  readonly evaluation: ExampleSource;
}

/** More examples move a range no more. */
const calibrationMax = 512;
const evaluationMax = 10_000;

/**
 * Makes the form and measures how good it is. `mixed` leaves the most sensitive layers f32, as few as the bound allows.
 * @throws QuantizeError `quantize/options`, `quantize/nothing`, `quantize/calibration`; OnnxError for models that cannot be read
 */
export async function quantizeModel(original: Model, options: QuantizeOptions): Promise<QuantizedForm> {
  const dense = prepare(original);
  if (dense.layers.length === 0) {
    throw new QuantizeError(
      'quantize/nothing',
      'the model has no Conv, Gemm or MatMul with a stored weight; there is nothing to quantize',
    );
  }
  const prepared = options.sparsity === undefined ? dense : prune(dense, options.sparsity);
  const { calibration, evaluation } = splitExamples(options.examples);
  const quality = (model: Model): Promise<Quality> =>
    measureQuality(model, evaluation, options.target, {
      examplesMax: evaluationMax,
      signal: options.signal,
      onProgress: (done, total) => options.onProgress?.('evaluate', done, total),
    });
  const before = await quality(dense.model);
  const made = await formOf(prepared, calibration, options, async (model) => {
    const after = await quality(model);
    return { after, good: isGoodEnough(before, after, options.qualityDropMax) };
  });
  return { ...made, bytes: writeModel(compact(made.model)), prepared, before, evaluation };
}

/** By chance but always alike: folders are often sorted by what their examples are. */
function splitExamples(source: ExampleSource): { calibration: ExampleSource; evaluation: ExampleSource } {
  if (source.count < 2) {
    throw new QuantizeError(
      'quantize/calibration',
      `there is ${source.count} example; give at least two, of which one calibrates and one is compared`,
    );
  }
  const order = Uint32Array.from({ length: source.count }, (_, index) => index);
  order.sort((a, b) => (mix32(a + 1) >>> 0) - (mix32(b + 1) >>> 0));
  const count = Math.min(calibrationMax, Math.floor(source.count / 2));
  return {
    calibration: subset(source, order.subarray(0, count)),
    evaluation: subset(source, order.subarray(count)),
  };
}

type Judge = (model: Model) => Promise<{ readonly after: Quality; readonly good: boolean }>;
type Made = Pick<QuantizedForm, 'model' | 'excluded' | 'after' | 'sensitivity'>;

async function formOf(
  prepared: PreparedModel,
  calibration: ExampleSource,
  options: QuantizeOptions,
  judge: Judge,
): Promise<Made> {
  const nothing = { excluded: new Set<string>(), sensitivity: [] };
  switch (options.method) {
    case 'dynamic': {
      const model = quantizeDynamic(prepared, nothing.excluded, options);
      return { ...nothing, model, after: (await judge(model)).after };
    }
    case 'weights4': {
      const model = quantizeWeights4(prepared);
      return { ...nothing, model, after: (await judge(model)).after };
    }
    case 'static':
    case 'mixed': {
      const ranges = await rangesOf(prepared, calibration, options);
      const model = quantizeStatic(prepared, quantizationPoints(prepared), ranges, options);
      const { after, good } = await judge(model);
      if (options.method === 'static' || good) return { ...nothing, model, after };
      return mixedForm(prepared, ranges, calibration, options, judge);
    }
  }
}

async function rangesOf(
  prepared: PreparedModel,
  calibration: ExampleSource,
  options: QuantizeOptions,
): Promise<ReadonlyMap<string, ValueRange>> {
  const tensors = calibratedTensors(quantizationPoints(prepared));
  if (options.ranges === 'trained') return storedRanges(prepared, tensors);
  const { ranges } = options;
  const sketches =
    options.sketches ??
    (await calibrate(prepared, tensors, calibration, {
      signal: options.signal,
      onProgress: (done, total) => options.onProgress?.('calibrate', done, total),
    }));
  return new Map(
    tensors.map((name) => {
      const sketch = sketches.get(name);
      if (sketch !== undefined) return [name, chooseRange(sketch, ranges)];
      throw new QuantizeError(
        'quantize/calibration',
        `the histograms lack the tensor ${name}; calibrate this model`,
      );
    }),
  );
}

function storedRanges(
  { model: { metadata } }: PreparedModel,
  tensors: readonly string[],
): ReadonlyMap<string, ValueRange> {
  const stored: unknown = JSON.parse(metadata[trainedRangesKey] ?? '[]');
  const values = Array.isArray(stored) ? Float32Array.from(stored, Number) : new Float32Array();
  if (values.length === 2 * tensors.length && values.every(Number.isFinite))
    return trainedRanges(values, tensors);
  throw new QuantizeError(
    'quantize/options',
    `the model brings ranges for ${values.length / 2} of its ${tensors.length} activations; it was not trained with quantization, so calibrate it`,
  );
}

/** Whether a model was trained with quantization, and brings its ranges. */
export function hasTrainedRanges({ metadata }: Model): boolean {
  return metadata[trainedRangesKey] !== undefined;
}

/** The fewest layers in f32, from the most sensitive on, found by bisection: with more of them it gets no worse. */
async function mixedForm(
  prepared: PreparedModel,
  ranges: ReadonlyMap<string, ValueRange>,
  calibration: ExampleSource,
  options: QuantizeOptions,
  judge: Judge,
): Promise<Made> {
  const sensitivity = await measureSensitivity(prepared, ranges, calibration, {
    ...options,
    onProgress: (done, total) => options.onProgress?.('sensitivity', done, total),
  });
  let best: Made | undefined;
  let [tooFew, enough] = [0, prepared.layers.length];
  while (enough - tooFew > 1) {
    const count = Math.floor((tooFew + enough) / 2);
    const excluded = new Set(sensitivity.slice(0, count).map(({ layer }) => layer));
    const model = quantizeStatic(prepared, quantizationPoints(prepared, excluded), ranges, options);
    const { after, good } = await judge(model);
    if (good) {
      best = { model, excluded, after, sensitivity };
      enough = count;
    } else tooFew = count;
  }
  if (best !== undefined) return best;
  throw new QuantizeError(
    'quantize/nothing',
    `with any layer in integers the result is worse by more than ${options.qualityDropMax}; allow more, or train with quantization in mind`,
  );
}
