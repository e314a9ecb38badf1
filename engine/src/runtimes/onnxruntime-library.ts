/**
 * ONNX Runtime's native library, loaded with the first session: a process that computes nothing does without it, and a device
 * that it does not fit may train on another runtime.
 */
import type * as Ort from 'onnxruntime-node';
import { RuntimeError } from './errors.js';

let loaded: typeof Ort | undefined;

/** @throws RuntimeError `runtime/load` where it is not installed or does not fit this machine */
export async function loadOnnxruntime(): Promise<typeof Ort> {
  try {
    loaded ??= await import('onnxruntime-node');
    return loaded;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RuntimeError(
      'runtime/load',
      `ONNX Runtime cannot be loaded on this machine (${reason}); install onnxruntime-node for it, or let tasks require the runtime tfjs`,
      { cause },
    );
  }
}

/** The library, for who has a session of it. */
export function onnxruntime(): typeof Ort {
  if (loaded === undefined) throw new TypeError('ONNX Runtime is asked for a tensor before it has a session');
  return loaded;
}
