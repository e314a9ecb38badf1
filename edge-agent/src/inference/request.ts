/** A question to a model, in process or from a door, and its answer. */
import type { TensorSpec, TensorValue } from '@starling/engine/serving';
import { protocolName } from './data-types.js';
import { InferenceError } from './errors.js';

export interface InferRequest {
  readonly model: string;
  /** The serving version where it is absent. */
  readonly version?: string | undefined;
  readonly inputs: readonly TensorValue[];
}

export interface InferResponse {
  readonly model: string;
  readonly version: string;
  /** All outputs of the model, in its order. */
  readonly outputs: readonly TensorValue[];
}

/**
 * Checks that `given` are exactly the inputs a model wants, and gives them in its order.
 *
 * @throws InferenceError `inference/invalid-request`
 */
export function matchInputs(
  specs: readonly TensorSpec[],
  given: readonly TensorValue[],
): readonly TensorValue[] {
  const stranger = given.find(({ name }) => !specs.some((spec) => spec.name === name));
  if (stranger !== undefined) {
    throw invalid(
      `The model has no input ${JSON.stringify(stranger.name.slice(0, 80))}; it takes ${specs.map(({ name }) => `"${name}"`).join(', ')}.`,
    );
  }
  return specs.map((spec) => {
    const values = given.filter(({ name }) => name === spec.name);
    if (values.length !== 1) {
      throw invalid(`The input "${spec.name}" is given ${values.length} times; give it once.`);
    }
    checkInput(spec, values[0]);
    return values[0];
  });
}

/**
 * Those of a model's outputs that are asked for by name, all where no names are given: each once, so that an answer is
 * never longer than all outputs of its model.
 *
 * @throws InferenceError `inference/invalid-request`
 */
export function wantedOutputs<One extends { readonly name: string }>(
  outputs: readonly One[],
  names: readonly string[],
): readonly One[] {
  if (names.length === 0) return outputs;
  const wanted = new Set<One>();
  for (const name of names) {
    const output = outputs.find((candidate) => candidate.name === name);
    if (output === undefined) {
      throw invalid(
        `The model has no output ${JSON.stringify(name.slice(0, 80))}; it gives ${outputs.map((known) => `"${known.name}"`).join(', ')}.`,
      );
    }
    if (wanted.has(output)) throw invalid(`The output "${name}" is asked for more than once; name it once.`);
    wanted.add(output);
  }
  return [...wanted];
}

function checkInput(spec: TensorSpec, { dataType, shape, data }: TensorValue): void {
  const { name } = spec;
  if (dataType !== spec.dataType) {
    throw invalid(
      `The input "${name}" is ${protocolName(spec.dataType)}, not ${protocolName(dataType)}; convert it first.`,
    );
  }
  const fits =
    shape.length === spec.shape.length &&
    shape.every(
      (size, axis) =>
        Number.isSafeInteger(size) && size > 0 && (spec.shape[axis] === -1 || spec.shape[axis] === size),
    );
  if (!fits) {
    throw invalid(
      `The input "${name}" has the shape [${shape.slice(0, 16)}], but the model takes [${spec.shape}], where -1 is any size.`,
    );
  }
  const elements = shape.reduce((product, size) => product * size, 1);
  if (elements !== data.length) {
    throw invalid(
      `The input "${name}" has ${data.length} elements, but its shape [${shape.slice(0, 16)}] has ${elements}.`,
    );
  }
}

function invalid(message: string): InferenceError {
  return new InferenceError('inference/invalid-request', message);
}
