/** Models whose tensors lie in files beside them. */
import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { dirname, resolve, sep } from 'node:path';
import { type Model, OnnxError, type ReadOptions, readModel } from '../../onnx/index.js';
import { convertLayersModel, readLayersModel } from '../layers-model/index.js';
import { chooseOutput, cutAt } from './choose-output.js';
import { lowerClassical } from './classical.js';

/** A protobuf message ends at 2 GiB. */
const modelBytesMax = 2 ** 31 - 1;
/** The tensors of a model in files beside it; a fleet's devices hold several copies of this. */
const externalBytesMax = 4 * 2 ** 30;

/**
 * Reads a model and the tensors in files beside it, which may not lie outside of its folder.
 * @throws OnnxError `onnx/malformed`, `onnx/inconsistent` or `onnx/unsupported`; before anything is read where
 * the file is too large
 */
export function readModelFile(path: string, select?: ReadOptions['select']): Model {
  const size = statSync(path, { throwIfNoEntry: false })?.size;
  if (size === undefined)
    throw new OnnxError('onnx/malformed', `there is no model at ${path}; check the path`);
  if (size > modelBytesMax) {
    throw new OnnxError(
      'onnx/unsupported',
      `${path} has ${size} bytes, and an ONNX model at most ${modelBytesMax}; store its tensors in a file beside it`,
    );
  }
  const folder = resolve(dirname(path));
  let total = 0;
  return readModel(readFileSync(path), {
    ...(select === undefined ? {} : { select }),
    external: ({ location, offset, length }, place) => {
      const file = resolve(folder, location);
      if (!file.startsWith(folder + sep)) {
        throw new OnnxError(
          'onnx/inconsistent',
          `${place} lies outside of the model's folder, at ${location}`,
        );
      }
      total += length;
      if (total > externalBytesMax) {
        throw new OnnxError('onnx/unsupported', `the model's tensors exceed ${externalBytesMax} bytes`);
      }
      return readPart(file, offset, length, place);
    },
  });
}

/**
 * The part of a model that gives one output, in operators that have gradients: an ONNX file's, or that of a layers model
 * of TensorFlow.js, by its `model.json`. Throws as {@link readModelFile} and {@link readLayersModel} do.
 */
export function readTrainedPart(path: string, output?: string): Model {
  if (path.endsWith('.json')) return convertLayersModel(readLayersModel(path), output);
  const model = lowerClassical(readModelFile(path, (graph) => chooseOutput(graph, output)));
  return output === undefined ? model : cutAt(model, output);
}

function readPart(file: string, offset: number, length: number, place: string): Uint8Array {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (cause) {
    throw new OnnxError('onnx/inconsistent', `${place} should be in ${file}, which cannot be read`, {
      cause,
    });
  }
  try {
    const { size } = fstatSync(descriptor);
    if (offset + length > size) {
      throw new OnnxError(
        'onnx/inconsistent',
        `${place} should end at byte ${offset + length} of ${file}, which has ${size}; fetch or export it again`,
      );
    }
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const read = readSync(descriptor, bytes, done, length - done, offset + done);
      if (read === 0) break;
      done += read;
    }
    return bytes;
  } finally {
    closeSync(descriptor);
  }
}
