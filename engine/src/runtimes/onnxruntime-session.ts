/** What both runtimes on ONNX Runtime share. */
import type { InferenceSession } from 'onnxruntime-node';
import { RuntimeError } from './errors.js';
import { loadOnnxruntime } from './onnxruntime-library.js';
import type { RuntimeOptions } from './runtime.js';

interface SessionOptions extends RuntimeOptions {
  /**
   * Whether the tensors of a second run are laid out as one block, beside what the first run took in pieces, which stays.
   * Without, a process that trains and evaluates a language model with adapters takes 338 MB instead of 477, and steps of
   * cnn, mobilenet and transformer of `npm run bench -- training` take 0.95 to 0.96 of the processor time; its other models
   * were not measured. Graphs of blocks, of which all tensors but the weights are small, take 0.98 of the time with it.
   */
  readonly memoryPattern?: boolean;
  /** Whether the weights are inputs: what is prepared for constant ones is of no use, such as another layout for pools alone. */
  readonly training?: boolean;
}

/** @throws RuntimeError `runtime/load` where ONNX Runtime refuses the graph */
export async function createSession(
  name: string,
  model: Uint8Array,
  options: SessionOptions = {},
): Promise<InferenceSession> {
  const { threads = 1, memoryPattern = true, training = false } = options;
  if (!Number.isSafeInteger(threads) || threads < 1) {
    throw new RuntimeError('runtime/load', `threads must be an integer of at least 1, found ${threads}`);
  }
  const { InferenceSession } = await loadOnnxruntime();
  try {
    return await InferenceSession.create(model, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      graphOptimizationLevel: 'all',
      // Threads that wait do not spin: where other processes want the cores, as on a device they do, two threads
      // took 0.6 to 0.8 of the time they take with spinning.
      extra: {
        session: { intra_op: { allow_spinning: '0' } },
        ...(training ? { optimization: { disable_specified_optimizers: 'NchwcTransformer' } } : {}),
      },
      enableMemPattern: memoryPattern,
      // Only errors: warnings are about graphs, and ours are compiled, not written by the user.
      logSeverityLevel: 3,
    });
  } catch (error) {
    throw new RuntimeError('runtime/load', `ONNX Runtime cannot load ${name}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A float32 output of a run, as its array. */
export function float32Of(results: InferenceSession.ReturnType, name: string): Float32Array {
  const output = results[name];
  if (!(output?.data instanceof Float32Array)) {
    throw new RuntimeError(
      'runtime/load',
      `the graph gave no float32 output "${name}"; compile the plan again`,
    );
  }
  return output.data;
}

/** Runs tasks one after the other, in the order they were asked for. */
export class TaskQueue {
  #last: Promise<unknown> = Promise.resolve();

  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task);
    // A failed task must not fail those behind it; its caller hears of it through `result`.
    this.#last = result.catch(() => undefined);
    return result;
  }
}
