/**
 * Asks a model for many at once. A run computes on this thread, so whatever arrives meanwhile is there when it ends:
 * joining those waits for nobody. Nothing is delayed in the hope of more unless `waitMsMax` says so.
 */
import {
  type TensorData,
  type TensorSession,
  type TensorValue,
  tensorArrays,
} from '@starling/engine/serving';
import type { Clock } from '@starling/federation';
import { InferenceError } from './errors.js';

export interface BatcherOptions {
  readonly session: TensorSession;
  readonly clock: Clock;
  /** Most examples of one run; 1 where joining does not pay or the model does not allow it. */
  readonly rowsMax: number;
  /** How long the first of a batch may wait for others, in milliseconds. */
  readonly waitMsMax: number;
  /** Most requests that may wait. */
  readonly queueMax: number;
}

export interface Batcher {
  /** @throws InferenceError `inference/overloaded` at once where too many wait */
  infer(inputs: readonly TensorValue[]): Promise<readonly TensorValue[]>;
  /** Requests that wait or run. */
  readonly pending: number;
  /** Runs so far, and the examples in them. */
  readonly totals: { readonly runs: number; readonly rows: number };
  /** Answers what waits, and then nothing any more. */
  close(): Promise<void>;
}

interface Waiting {
  readonly inputs: readonly TensorValue[];
  readonly rows: number;
  resolve(outputs: readonly TensorValue[]): void;
  reject(error: unknown): void;
}

export function createBatcher({ session, clock, rowsMax, waitMsMax, queueMax }: BatcherOptions): Batcher {
  const queue: Waiting[] = [];
  let active = 0;
  let scheduled = false;
  let closed = false;
  let idle: (() => void) | undefined;
  const totals = { runs: 0, rows: 0 };

  /** Once the event loop has handed over everything that arrived together. */
  const schedule = (): void => {
    if (scheduled || active > 0) return;
    scheduled = true;
    const waits = waitMsMax > 0 && rowsMax > 1 && !closed;
    if (waits) clock.schedule(waitMsMax, flush);
    else setImmediate(flush);
  };

  const take = (): readonly Waiting[] => {
    let rows = 0;
    let count = 0;
    while (count < queue.length) {
      const next = queue[count];
      if (count > 0 && (rows + next.rows > rowsMax || !joins(queue[0], next))) break;
      rows += next.rows;
      count += 1;
    }
    return queue.splice(0, count);
  };

  const flush = (): void => {
    scheduled = false;
    if (active > 0) return;
    const batch = take();
    if (batch.length === 0) return;
    active = batch.length;
    run(batch).finally(() => {
      active = 0;
      if (queue.length > 0) {
        scheduled = true;
        setImmediate(flush);
      } else idle?.();
    });
  };

  const run = async (batch: readonly Waiting[]): Promise<void> => {
    totals.runs += 1;
    for (const { rows } of batch) totals.rows += rows;
    try {
      if (batch.length === 1) batch[0].resolve(await session.run(batch[0].inputs));
      else split(batch, await session.run(join(batch)));
    } catch (error) {
      if (batch.length === 1) return batch[0].reject(error);
      // An index beyond a table, say, is the fault of one request: each is told of its own.
      for (const each of batch) await run([each]);
    }
  };

  return {
    get pending() {
      return queue.length + active;
    },
    totals,
    infer(inputs) {
      if (closed) {
        return Promise.reject(
          new InferenceError('inference/unavailable', 'This model is being replaced; ask again.'),
        );
      }
      if (queue.length >= queueMax) {
        return Promise.reject(
          new InferenceError(
            'inference/overloaded',
            `${queueMax} requests wait for this model already; ask again later, or ask for less.`,
          ),
        );
      }
      return new Promise((resolve, reject) => {
        queue.push({ inputs, rows: inputs[0]?.shape[0] ?? 1, resolve, reject });
        // Whoever fills the batch ends the wait for more.
        if (scheduled && waitMsMax > 0 && queue.length >= rowsMax && active === 0) setImmediate(flush);
        schedule();
      });
    },
    async close() {
      closed = true;
      if (queue.length + active > 0) {
        const answered = new Promise<void>((resolve) => {
          idle = resolve;
        });
        if (active === 0) setImmediate(flush);
        await answered;
      }
    },
  };
}

/**
 * Whether two requests agree in everything but the first axis, and each has as many examples in all of its inputs: where one
 * spreads over the other, rows of two requests would meet.
 */
function joins(first: Waiting, next: Waiting): boolean {
  const isEven = ({ inputs, rows }: Waiting) => inputs.every(({ shape }) => shape[0] === rows);
  if (!isEven(first) || !isEven(next)) return false;
  return first.inputs.every(({ shape }, index) => {
    const other = next.inputs[index].shape;
    return other.length === shape.length && shape.every((size, axis) => axis === 0 || other[axis] === size);
  });
}

function join(batch: readonly Waiting[]): readonly TensorValue[] {
  const rows = batch.reduce((sum, item) => sum + item.rows, 0);
  return batch[0].inputs.map(({ name, dataType, shape, data: first }, index) => {
    const perRow = first.length / shape[0];
    const data: TensorData = new tensorArrays[dataType](rows * perRow);
    let at = 0;
    for (const { inputs } of batch) {
      (data as Float32Array).set(inputs[index].data as Float32Array, at);
      at += inputs[index].data.length;
    }
    return { name, dataType, shape: [rows, ...shape.slice(1)], data };
  });
}

/** Hands each request its rows, as views. */
function split(batch: readonly Waiting[], outputs: readonly TensorValue[]): void {
  const all = batch.reduce((sum, item) => sum + item.rows, 0);
  let first = 0;
  for (const { rows, resolve } of batch) {
    const from = first;
    resolve(
      outputs.map((output) => {
        const perRow = output.data.length / all;
        const data = output.data.subarray(from * perRow, (from + rows) * perRow);
        return { ...output, shape: [rows, ...output.shape.slice(1)], data };
      }),
    );
    first += rows;
  }
}
