/** Which runtimes this machine has. On its own, so that who asks loads no compiler. */
import { createRequire } from 'node:module';
import { loadOnnxruntime } from './onnxruntime-library.js';

/** In the order in which one is chosen where a plan takes any. */
export const runtimeNames = ['onnxruntime', 'tfjs'] as const;

export type RuntimeName = (typeof runtimeNames)[number];

/**
 * ONNX Runtime where its native library loads here, which takes memory: ask in a process that ends. TensorFlow.js where it is
 * installed: its WebAssembly backend runs wherever Node.js does.
 */
export async function availableRuntimes(): Promise<readonly RuntimeName[]> {
  const onnxruntime = await canLoadOnnxruntime();
  const tfjs = isInstalled(
    '@tensorflow/tfjs-core',
    '@tensorflow/tfjs-layers',
    '@tensorflow/tfjs-backend-wasm',
  );
  return runtimeNames.filter((name) => ({ onnxruntime, tfjs })[name]);
}

export async function canLoadOnnxruntime(): Promise<boolean> {
  return loadOnnxruntime().then(
    () => true,
    () => false,
  );
}

function isInstalled(...packages: readonly string[]): boolean {
  const { resolve } = createRequire(import.meta.url);
  try {
    return packages.every((name) => resolve(name) !== '');
  } catch {
    return false;
  }
}
