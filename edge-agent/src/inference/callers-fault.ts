import { RuntimeError } from '@starling/engine/serving';
import { InferenceError } from './errors.js';

export function callersFault(error: unknown): InferenceError | undefined {
  if (error instanceof InferenceError) return error;
  if (error instanceof RuntimeError && error.code === 'runtime/input') {
    return new InferenceError('inference/invalid-request', error.message, error);
  }
  return undefined;
}
