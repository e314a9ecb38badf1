/** TensorFlow.js, where it is installed: it is no dependency, so that devices without it stay light. */
import type * as Core from '@tensorflow/tfjs-core';
import type * as Layers from '@tensorflow/tfjs-layers';
import { RuntimeError } from '../errors.js';
import { registerWasmKernels } from './wasm-kernels.js';

export interface Tfjs {
  readonly tf: typeof Core;
  readonly layers: typeof Layers;
  /** `tensorflow` is the native addon. */
  readonly backend: 'tensorflow' | 'wasm';
}

let loaded: Promise<Tfjs> | undefined;

/**
 * Loads TensorFlow.js once: on the native addon of `@tensorflow/tfjs-node` where that loads, else on WebAssembly.
 * @throws RuntimeError `runtime/load` where it is not installed, with the command that installs it
 */
export function loadTfjs(): Promise<Tfjs> {
  loaded ??= load();
  return loaded;
}

/** Whether TensorFlow.js can be loaded here. */
export async function hasTfjs(): Promise<boolean> {
  return loadTfjs().then(
    () => true,
    () => false,
  );
}

async function load(): Promise<Tfjs> {
  try {
    const tf = await import('@tensorflow/tfjs-core');
    const layers = await import('@tensorflow/tfjs-layers');
    if (await hasNative(tf)) return { tf, layers, backend: 'tensorflow' };
    await import('@tensorflow/tfjs-backend-wasm');
    registerWasmKernels(tf);
    if (!(await tf.setBackend('wasm'))) throw new Error('its WebAssembly backend does not start');
    return { tf, layers, backend: 'wasm' };
  } catch (cause) {
    loaded = undefined;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new RuntimeError(
      'runtime/load',
      `TensorFlow.js cannot be loaded (${reason}); install @tensorflow/tfjs-core, @tensorflow/tfjs-layers and @tensorflow/tfjs-backend-wasm, or use the runtime onnxruntime`,
      { cause },
    );
  }
}

/** The addon registers itself as it is loaded. Its package is named at run time, for nobody has to install it. */
async function hasNative(tf: typeof Core): Promise<boolean> {
  const addon = '@tensorflow/tfjs-node';
  try {
    await import(addon);
  } catch {
    // Not installed, or its library does not fit this machine: WebAssembly runs everywhere.
    return false;
  }
  return tf.setBackend('tensorflow');
}
