/** What a runtime makes sure of before it computes, so that nonsense is refused and not learned. */
import type { PlanManifest } from '../plan/index.js';
import { RuntimeError } from './errors.js';
import type { ExampleSource } from './runtime.js';

/** Index of the first element that is infinite or not a number, or -1. */
export function firstNonFinite(values: Float32Array): number {
  // x - x is NaN where x is not finite and 0 elsewhere; four sums, so that none waits for another's result.
  let [a, b, c, d] = [0, 0, 0, 0];
  const blocks = values.length - (values.length % 4);
  for (let index = 0; index < blocks; index += 4) {
    a += values[index] - values[index];
    b += values[index + 1] - values[index + 1];
    c += values[index + 2] - values[index + 2];
    d += values[index + 3] - values[index + 3];
  }
  for (let index = blocks; index < values.length; index++) a += values[index] - values[index];
  return a + b + c + d === 0 ? -1 : values.findIndex((value) => !Number.isFinite(value));
}

export function requireParameters(parameters: Float32Array, manifest: PlanManifest, checked = false): void {
  if (parameters.length !== manifest.parameterCount) {
    throw new RuntimeError(
      'runtime/input',
      `the plan has ${manifest.parameterCount} parameters, but ${parameters.length} were given; use a checkpoint of the same task`,
    );
  }
  const at = checked ? -1 : firstNonFinite(parameters);
  if (at >= 0) {
    throw new RuntimeError(
      'runtime/input',
      `parameter ${at} (of "${nameAt(manifest, at)}") is ${parameters[at]}; the checkpoint is damaged, fetch it again`,
    );
  }
}

/** A correction goes with a plan that was compiled for one, and with no other. */
export function requireCorrection(correction: Float32Array | undefined, manifest: PlanManifest): void {
  if ((correction !== undefined) !== (manifest.correction === true)) {
    throw new RuntimeError(
      'runtime/input',
      `the plan was compiled ${manifest.correction ? 'with' : 'without'} a correction of gradients; ${manifest.correction ? 'give one' : 'leave it out'}`,
    );
  }
  if (correction !== undefined) requireParameters(correction, manifest);
}

/** What a device keeps to itself goes with a plan that has such, and with no other. */
export function requireLocal(local: Float32Array | undefined, { local: layout }: PlanManifest): void {
  if (local?.length !== layout?.count) {
    throw new RuntimeError(
      'runtime/input',
      `a device keeps ${layout?.count ?? 0} numbers of this plan to itself, but ${local?.length ?? 0} were given; use what this device kept of it, or what the plan starts from`,
    );
  }
  const at = local === undefined ? -1 : firstNonFinite(local);
  if (at >= 0) {
    throw new RuntimeError(
      'runtime/input',
      `local parameter ${at} is ${local?.[at]}; start again from what the plan holds`,
    );
  }
}

/** The array for the delta must be of the plan's size. */
export function requireRoom(into: Float32Array | undefined, manifest: PlanManifest): void {
  if (into === undefined || into.length === manifest.parameterCount) return;
  throw new RuntimeError(
    'runtime/input',
    `the delta has ${manifest.parameterCount} elements, but there is room for ${into.length}`,
  );
}

/** Name of the tensor that an index of the flat vector is in. */
function nameAt({ parameters }: PlanManifest, index: number): string {
  return parameters.findLast(({ offset }) => offset <= index)?.name ?? '';
}

export function requireExamples(examples: ExampleSource): void {
  if (!Number.isSafeInteger(examples.count) || examples.count < 1) {
    throw new RuntimeError(
      'runtime/input',
      `there must be at least one example, but the source has ${examples.count}; check the examples folder`,
    );
  }
}

/** Refuses a result that is not finite. */
export function requireFiniteDelta(delta: Float32Array, manifest: PlanManifest): void {
  const at = firstNonFinite(delta);
  if (at >= 0) {
    throw new RuntimeError(
      'runtime/diverged',
      `training diverged: the change of parameter ${at} (of "${nameAt(manifest, at)}") is ${delta[at]}; lower the learning rate, or check the examples for extreme values`,
    );
  }
}

/** Ends work that its caller no longer wants. @throws DOMException `AbortError` */
export function throwIfAborted(signal: AbortSignal | undefined, work: string): void {
  if (signal?.aborted) throw new DOMException(`${work} was stopped by its caller`, 'AbortError');
}
