/** Before and after: size, time, quality, and what each layer is off by. */
import { type Model, writeModel } from '../onnx/index.js';
import {
  drop,
  isGoodEnough,
  type LayerError,
  measureLatency,
  measureLayerErrors,
  type Quality,
} from './measure.js';
import { type MachineRates, measureMachine, predictLatency } from './predict-latency.js';
import { compressedBytes, type Sparsity, sparsityOf } from './prune.js';
import type { QuantizedForm, QuantizeMethod } from './quantize-model.js';
import type { Sensitivity } from './sensitivity.js';

export interface FormReport {
  readonly bytes: number;
  /** As a gzip file: what zeros are worth. */
  readonly compressedBytes: number;
  readonly quality: Quality;
  readonly latency: readonly {
    readonly batch: number;
    readonly measuredMs: number;
    /** From what this machine does in a second; null where sizes are not fixed. */
    readonly predictedMs: number | null;
  }[];
}

export interface LayerReport extends LayerError {
  readonly opType: string;
  readonly weights: number;
  readonly precision: 'f32' | 'int8' | 'int4';
}

export interface QuantizeReport {
  readonly method: QuantizeMethod;
  readonly before: FormReport;
  readonly after: FormReport;
  /** How many times smaller. */
  readonly sizeRatio: number;
  /** How much worse, in the metric's unit. */
  readonly qualityDrop: number;
  readonly sparsity: Sparsity;
  readonly layers: readonly LayerReport[];
  readonly sensitivity: readonly Sensitivity[];
  /** Whether the form should be used: good enough, and no slower for single examples. */
  readonly recommended: boolean;
  readonly reason: string;
}

export interface ReportOptions {
  readonly original: Model;
  readonly method: QuantizeMethod;
  readonly qualityDropMax: number;
  readonly threads?: number | undefined;
  /** Milliseconds since some instant. */
  readonly now: () => number;
  readonly signal?: AbortSignal | undefined;
}

/** Batches that are timed: one example as it comes, and as many as a busy server joins. */
const batches = [1, 64];

/**
 * What the form costs and gains against the original: bytes, latency in milliseconds as predicted and as measured here, quality, and
 * each layer's error; with a recommendation and its reason.
 * @throws the abort reason of `signal`
 */
export async function reportOn(form: QuantizedForm, options: ReportOptions): Promise<QuantizeReport> {
  const { threads, now, signal, method, qualityDropMax } = options;
  const originalBytes = writeModel(options.original);
  const latency = await measureLatency([originalBytes, form.bytes], { batches, threads, now, signal });
  const rates = await measureMachine(now, threads);
  const layers = await layerReports(form, method, signal);
  const integer = new Set(layers.flatMap(({ layer, precision }) => (precision === 'f32' ? [] : [layer])));
  const formReport = (index: number, bytes: Uint8Array, quality: Quality): FormReport => ({
    bytes: bytes.length,
    compressedBytes: compressedBytes(bytes),
    quality,
    latency: latency.map(({ batch, ms }) => ({
      batch,
      measuredMs: ms[index],
      predictedMs: predicted(form, index === 0 ? new Set() : integer, rates, batch),
    })),
  });
  const before = formReport(0, originalBytes, form.before);
  const after = formReport(1, form.bytes, form.after);
  const qualityDrop = drop(form.before, form.after);
  return {
    method,
    before,
    after,
    sizeRatio: before.bytes / after.bytes,
    qualityDrop,
    sparsity: sparsityOf(form.prepared),
    layers,
    sensitivity: form.sensitivity,
    ...recommendation(before, after, qualityDrop, qualityDropMax),
  };
}

function predicted(
  { prepared }: QuantizedForm,
  integer: ReadonlySet<string>,
  rates: MachineRates,
  batch: number,
): number | null {
  return predictLatency(prepared, (layer) => integer.has(layer), rates, batch) ?? null;
}

async function layerReports(
  form: QuantizedForm,
  method: QuantizeMethod,
  signal: AbortSignal | undefined,
): Promise<readonly LayerReport[]> {
  const { prepared, model, evaluation } = form;
  const errors = await measureLayerErrors(prepared, model, evaluation, { signal });
  const sqnrOf = new Map(errors.map(({ layer, sqnr }) => [layer, sqnr]));
  const kept = new Map(model.graph.nodes.map((node) => [node.name, node.inputs[1]]));
  return prepared.layers.map(({ name, node, weight }) => ({
    layer: name,
    opType: node.opType,
    weights: weight.data.length,
    // Whatever reads its weight as it was has stayed f32.
    precision: kept.get(name) === node.inputs[1] ? 'f32' : method === 'weights4' ? 'int4' : 'int8',
    sqnr: sqnrOf.get(name) ?? 0,
  }));
}

function recommendation(
  before: FormReport,
  after: FormReport,
  qualityDrop: number,
  qualityDropMax: number,
): Pick<QuantizeReport, 'recommended' | 'reason'> {
  const slower = after.latency.find(({ measuredMs }, index) => measuredMs > before.latency[index].measuredMs);
  if (!isGoodEnough(before.quality, after.quality, qualityDropMax)) {
    return {
      recommended: false,
      reason: `it is worse by ${round(qualityDrop)}, more than the ${qualityDropMax} allowed`,
    };
  }
  if (slower !== undefined) {
    return {
      recommended: false,
      reason: `it is slower than f32 on this machine with a batch of ${slower.batch}`,
    };
  }
  if (after.bytes >= before.bytes) return { recommended: false, reason: 'it is not smaller' };
  return { recommended: true, reason: 'it is smaller, no slower, and as good as asked for' };
}

const round = (value: number): number => Number(value.toPrecision(3));
