/** Before a model serves it is run: that it runs, how long it takes, and how many examples at once pay. */
import { type TensorSession, type TensorValue, tensorArrays } from '@starling/engine/serving';
import { type Clock, createSeededEntropy, type Entropy } from '@starling/federation';
import { InferenceError } from './errors.js';

export interface WarmUpSettings {
  /** Most examples of one run. */
  readonly rowsMax: number;
  /** Longest that one run of many may take, in milliseconds: who is in it waits that long. */
  readonly runMsMax: number;
}

export interface WarmUp {
  /** Examples of one run from which on more of them pay no more; 1 where joining them never does. */
  readonly rows: number;
  /** Milliseconds of a run of one example, the least of a few. */
  readonly singleMs: number;
}

/** A size that pays makes an example cheaper by a tenth at least, over the size before. */
const gain = 0.9;
/** Free axes other than the first are tried with this many elements. */
const freeAxis = 8;
const repetitions = 5;

/** @throws InferenceError `inference/model-invalid` where the model cannot be run on zeros of its own shapes */
export async function warmUp(
  session: TensorSession,
  clock: Clock,
  settings: WarmUpSettings,
): Promise<WarmUp> {
  const singleMs = await timeOf(session, 1, clock);
  if (!(await joinable(session))) return { rows: 1, singleMs };
  let best = { rows: 1, perRowMs: singleMs };
  for (let rows = 2; rows <= settings.rowsMax; rows *= 2) {
    const ms = await timeOf(session, rows, clock);
    if (ms > settings.runMsMax) break;
    if (ms / rows < best.perRowMs * gain) best = { rows, perRowMs: ms / rows };
  }
  return { rows: best.rows, singleMs };
}

/** The least of some runs, which the rest of the machine disturbs the least. */
async function timeOf(session: TensorSession, rows: number, clock: Clock): Promise<number> {
  const inputs = inputsOf(session, rows, undefined);
  let least = Number.POSITIVE_INFINITY;
  for (let repetition = 0; repetition < repetitions; repetition++) {
    const startMs = clock.monotonic();
    await run(session, inputs);
    least = Math.min(least, clock.monotonic() - startMs);
  }
  return least;
}

async function run(session: TensorSession, inputs: readonly TensorValue[]): Promise<readonly TensorValue[]> {
  try {
    return await session.run(inputs);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new InferenceError('inference/model-invalid', `The model fails its warm-up: ${why}`, error);
  }
}

/**
 * Whether examples may share a run: every first axis is free, and each one's outputs are the same alone and beside
 * others, which a model that normalises over the batch, or quantizes by the batch's range, does not promise.
 */
async function joinable(session: TensorSession): Promise<boolean> {
  const tensors = [...session.inputs, ...session.outputs];
  if (session.inputs.length === 0 || !tensors.every(({ shape }) => shape[0] === -1)) return false;
  const rows = 3;
  const together = inputsOf(session, rows, createSeededEntropy(1));
  const outputs = await run(session, together);
  if (!outputs.every(({ shape }) => shape[0] === rows)) return false;
  for (let row = 0; row < rows; row++) {
    const alone = await run(
      session,
      together.map((tensor) => rowOf(tensor, row, rows)),
    );
    const same = outputs.every((output, index) => close(rowOf(output, row, rows).data, alone[index].data));
    if (!same) return false;
  }
  return true;
}

function rowOf(tensor: TensorValue, row: number, rows: number): TensorValue {
  const perRow = tensor.data.length / rows;
  const data = tensor.data.subarray(row * perRow, (row + 1) * perRow);
  return { ...tensor, shape: [1, ...tensor.shape.slice(1)], data };
}

/** Kernels of different sizes round differently in the last bits. */
function close(a: TensorValue['data'], b: TensorValue['data']): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [Number(a[i]), Number(b[i])];
    if (!Object.is(x, y) && !(Math.abs(x - y) <= 1e-3 * Math.max(1, Math.abs(x), Math.abs(y)))) return false;
  }
  return true;
}

/** Zeros, or small numbers that differ where `entropy` is given. */
function inputsOf(
  session: TensorSession,
  rows: number,
  entropy: Entropy | undefined,
): readonly TensorValue[] {
  return session.inputs.map(({ name, dataType, shape }) => {
    const sizes = shape.map((size, axis) => (size !== -1 ? size : axis === 0 ? rows : freeAxis));
    const data = new tensorArrays[dataType](sizes.reduce((product, size) => product * size, 1));
    if (entropy !== undefined) {
      const bytes = entropy.bytes(data.length);
      const wide = dataType === 'int64' || dataType === 'uint64';
      const float = dataType === 'float32' || dataType === 'float64';
      for (let i = 0; i < data.length; i++) {
        const value = float ? bytes[i] / 128 - 1 : bytes[i] % 2;
        if (wide) (data as BigInt64Array)[i] = BigInt(value);
        else data[i] = value;
      }
    }
    return { name, dataType, shape: sizes, data };
  });
}
