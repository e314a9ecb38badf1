/** A folder with a model, a batch, and the loss and gradients another library computed of them. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ModelError } from '../models/errors.js';

/** Where a parameter's gradient lies in `gradients.f32`. */
export interface ReferenceGradient {
  readonly offset: number;
  readonly shape: readonly number[];
  /** Whether the exported graph has an initializer of that name which is this parameter. */
  readonly initializer: boolean;
}

export interface Reference {
  readonly loss: 'softmax-cross-entropy' | 'mean-squared-error';
  readonly lossValue: number;
  readonly inputShape: readonly number[];
  readonly inputType: 'float32' | 'int64';
  readonly input: Float64Array;
  readonly target: Float64Array;
  readonly parameters: ReadonlyMap<string, ReferenceGradient>;
  readonly gradients: Float32Array;
}

/** Largest file that is read whole. */
const bytesMax = 2 ** 30;

/** @throws ModelError `model/invalid` that names the file and what is wrong with it */
export function readReference(folder: string): Reference {
  const described = parse(folder);
  const gradients = new Float32Array(bufferOf(join(folder, 'gradients.f32'), 4));
  for (const [name, { offset, shape }] of Object.entries(described.gradients)) {
    const end = offset + shape.reduce((n, size) => n * size, 1);
    if (!(offset >= 0 && end <= gradients.length)) {
      throw invalid(
        folder,
        `the gradient of ${name} ends at ${end}, but gradients.f32 has ${gradients.length} numbers`,
      );
    }
  }
  const targetType = described.loss === 'softmax-cross-entropy' ? 'int64' : 'float32';
  return {
    loss: described.loss,
    lossValue: described.lossValue,
    inputShape: described.inputShape,
    inputType: described.inputType,
    input: numbersOf(join(folder, 'input.bin'), described.inputType),
    target: numbersOf(join(folder, 'target.bin'), targetType),
    parameters: new Map(Object.entries(described.gradients)),
    gradients,
  };
}

interface Described extends Pick<Reference, 'loss' | 'lossValue' | 'inputShape' | 'inputType'> {
  readonly gradients: Readonly<Record<string, ReferenceGradient>>;
}

function parse(folder: string): Described {
  let value: Partial<Described>;
  try {
    value = JSON.parse(new TextDecoder().decode(bufferOf(join(folder, 'reference.json'), 1)));
  } catch (error) {
    throw invalid(folder, `reference.json cannot be read: ${error instanceof Error ? error.message : error}`);
  }
  const { loss, lossValue, inputShape, gradients, inputType = 'float32' } = value;
  if (loss !== 'softmax-cross-entropy' && loss !== 'mean-squared-error') {
    throw invalid(folder, `the loss ${loss} is not known; use softmax-cross-entropy or mean-squared-error`);
  }
  if (typeof lossValue !== 'number' || !Array.isArray(inputShape) || typeof gradients !== 'object') {
    throw invalid(folder, 'reference.json lacks lossValue, inputShape or gradients');
  }
  return { loss, lossValue, inputShape, inputType, gradients };
}

function bufferOf(file: string, elementBytes: number): ArrayBuffer {
  const { size } = statSync(file);
  if (size > bytesMax || size % elementBytes !== 0) {
    throw new ModelError(
      'model/invalid',
      `${file} has ${size} bytes, which is too much or no whole number of elements`,
    );
  }
  const bytes = readFileSync(file);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
}

function numbersOf(file: string, type: 'float32' | 'int64'): Float64Array {
  if (type === 'float32') return Float64Array.from(new Float32Array(bufferOf(file, 4)));
  return Float64Array.from(new BigInt64Array(bufferOf(file, 8)), Number);
}

const invalid = (folder: string, problem: string): ModelError =>
  new ModelError('model/invalid', `${folder}: ${problem}`);
