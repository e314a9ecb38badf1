/** The health check of a release before it serves: loaded beside what serves, and asked what this device saw of late. */
import { type TensorSpec, type TensorValue, tensorArrays } from '@starling/engine/serving';
import type { Clock } from '@starling/federation';
import { createInferenceService, InferenceError, type InferenceSettings } from '../../inference/index.js';
import type { HealthChecks } from '../description.js';
import { percent } from '../health.js';
import type { RecentRequest } from '../recent.js';

/** Examples that this device recorded and knows the class of. */
export interface LabelledRows {
  readonly rows: number;
  /** `[rows, width]`. */
  readonly features: Float32Array;
  /** `[rows]`. */
  readonly classes: Int32Array;
  readonly classCount: number;
}

export interface RecentData {
  readonly requests: readonly RecentRequest[];
  readonly labelled: LabelledRows | undefined;
}

export interface TryOptions {
  readonly clock: Clock;
  readonly settings: InferenceSettings;
}

/** Fewer rows say nothing of a share, nor of a p99. */
const rowsJudgedMin = 20;

/** What speaks against it, a sentence without any value of an example; undefined where it may serve. */
export async function tryRelease(
  model: Uint8Array,
  health: HealthChecks,
  recent: RecentData,
  { clock, settings }: TryOptions,
): Promise<string | undefined> {
  // A service of its own: no door reaches what is not proven.
  const service = createInferenceService(clock, { ...settings, batchRowsMax: 1 });
  const name = 'release';
  try {
    await service.load(name, '1', model);
    service.activate(name, '1');
    const { inputs } = service.describe(name);
    const latencies: number[] = [];
    const ask = async (given: readonly TensorValue[]): Promise<readonly TensorValue[]> => {
      const startMs = clock.monotonic();
      const { outputs } = await service.infer({ model: name, inputs: given });
      latencies.push(clock.monotonic() - startMs);
      if (!outputs.every(isAllFinite)) throw new Fault('An answer of it is not finite.');
      return outputs;
    };
    const { requests, labelled } = recent;
    const agreement = { rows: 0, same: 0 };
    for (const request of requests) {
      const outputs = await ask(request.inputs);
      compare(outputs[0], request.outputs[0], agreement);
    }
    const accuracy = { rows: 0, right: 0 };
    if (labelled !== undefined && inputs.length === 1) {
      for (let row = 0; row < labelled.rows; row++) {
        const [scores] = await ask([rowOf(inputs[0], labelled, row)]);
        if (scores.data.length !== labelled.classCount) {
          throw new Fault(
            `It tells ${scores.data.length} classes apart; the examples here have ${labelled.classCount}.`,
          );
        }
        accuracy.rows += 1;
        if (greatest(scores, 0, labelled.classCount) === labelled.classes[row]) accuracy.right += 1;
      }
    }
    // Nothing was seen here yet: that its answers to zeros are finite is what can be known.
    if (latencies.length === 0) {
      for (let repetition = 0; repetition < rowsJudgedMin; repetition++) await ask(inputs.map(zeros));
    }
    return judge(health, latencies, agreement, accuracy);
  } catch (error) {
    if (error instanceof Fault) return error.message;
    if (error instanceof InferenceError) return `It fails on recent data of this device: ${error.message}`;
    if (error instanceof Error && error.name === 'RuntimeError') return `It fails here: ${error.message}`;
    throw error;
  } finally {
    await service.close();
  }
}

/** Ends a check with what was found. */
class Fault extends Error {}

function judge(
  { latencyMsMax, accuracyMin, agreementMin }: HealthChecks,
  latencies: readonly number[],
  agreement: { readonly rows: number; readonly same: number },
  accuracy: { readonly rows: number; readonly right: number },
): string | undefined {
  const sorted = [...latencies].sort((a, b) => a - b);
  const p99 = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? 0;
  if (latencyMsMax !== null && sorted.length >= rowsJudgedMin && p99 > latencyMsMax) {
    return `99 of 100 answers took up to ${p99.toFixed(1)} ms; ${latencyMsMax} ms are allowed.`;
  }
  if (accuracyMin !== null && accuracy.rows >= rowsJudgedMin) {
    const share = accuracy.right / accuracy.rows;
    if (share < accuracyMin) {
      return `It tells ${percent(share)} of ${accuracy.rows} recent examples right; ${percent(accuracyMin)} are asked for.`;
    }
  }
  if (agreementMin !== null && agreement.rows >= rowsJudgedMin) {
    const share = agreement.same / agreement.rows;
    if (share < agreementMin) {
      return `It agrees on ${percent(share)} of ${agreement.rows} recent rows with what served; ${percent(agreementMin)} are asked for.`;
    }
  }
  return undefined;
}

/** By the class with the greatest score; of one number, nothing is a class. */
function compare(
  ours: TensorValue | undefined,
  theirs: TensorValue | undefined,
  tally: { rows: number; same: number },
): void {
  if (ours === undefined || theirs === undefined) return;
  const width = theirs.shape.at(-1) ?? 1;
  if (width < 2 || theirs.shape.length < 2) return;
  const rows = theirs.data.length / width;
  tally.rows += rows;
  if (ours.data.length !== theirs.data.length) return;
  for (let row = 0; row < rows; row++) {
    if (greatest(ours, row, width) === greatest(theirs, row, width)) tally.same += 1;
  }
}

function greatest({ data }: TensorValue, row: number, width: number): number {
  let best = 0;
  for (let at = 1; at < width; at++) {
    if (Number(data[row * width + at]) > Number(data[row * width + best])) best = at;
  }
  return best;
}

function isAllFinite({ data, dataType }: TensorValue): boolean {
  if (dataType !== 'float32' && dataType !== 'float64') return true;
  for (let at = 0; at < data.length; at++) if (!Number.isFinite(Number(data[at]))) return false;
  return true;
}

function rowOf({ name, dataType, shape }: TensorSpec, labelled: LabelledRows, row: number): TensorValue {
  const width = labelled.features.length / labelled.rows;
  const wanted = shape.slice(1).reduce((product, size) => product * size, 1);
  if (dataType !== 'float32' || wanted !== width) {
    throw new Fault(`It takes ${wanted} numbers of ${dataType}; the examples here have ${width} of float32.`);
  }
  const data = labelled.features.slice(row * width, (row + 1) * width);
  return { name, dataType, shape: [1, ...shape.slice(1)], data };
}

const freeAxis = 8;

function zeros({ name, dataType, shape }: TensorSpec): TensorValue {
  const sizes = shape.map((size, axis) => (size !== -1 ? size : axis === 0 ? 1 : freeAxis));
  return {
    name,
    dataType,
    shape: sizes,
    data: new tensorArrays[dataType](sizes.reduce((product, size) => product * size, 1)),
  };
}
