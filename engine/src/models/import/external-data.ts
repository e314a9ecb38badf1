/** Models whose tensors lie in files beside them. */
import { closeSync, readFileSync, statSync } from 'node:fs';
import { type ExternalPart, type Model, OnnxError, type ReadOptions, readModel } from '../../onnx/index.js';
import { openBeside, readInto } from '../file-beside.js';
import { convertLayersModel, readLayersModel } from '../layers-model/index.js';
import { chooseOutput, cutAt } from './choose-output.js';
import { lowerClassical } from './classical.js';
import { separateMerged } from './separate-merged.js';

/** A protobuf message ends at 2 GiB. */
const modelBytesMax = 2 ** 31 - 1;
/** The tensors of a model in files beside it: a plan holds all of them in one message. */
const externalBytesMax = modelBytesMax;

/**
 * Reads a model and the tensors in files beside it, which may not lie outside of its folder.
 * @throws OnnxError `onnx/malformed`, `onnx/inconsistent` or `onnx/unsupported`; before anything is read where
 * the file is too large
 */
export function readModelFile(path: string, select?: ReadOptions['select']): Model {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (!stats?.isFile()) {
    throw new OnnxError('onnx/malformed', `there is no model at ${path}; check the path`);
  }
  const { size } = stats;
  if (size > modelBytesMax) {
    throw new OnnxError(
      'onnx/unsupported',
      `${path} has ${size} bytes, and an ONNX model at most ${modelBytesMax}; store its tensors in a file beside it`,
    );
  }
  let total = 0;
  return readModel(readFileSync(path), {
    ...(select === undefined ? {} : { select }),
    external: (part, place) => {
      total += part.length;
      if (total > externalBytesMax) {
        throw new OnnxError(
          'onnx/unsupported',
          `${place}: with it the model's tensors exceed ${externalBytesMax} bytes; take a smaller model`,
        );
      }
      return readPart(path, part, place);
    },
  });
}

/**
 * The part of a model that gives one output, in operators that have gradients: an ONNX file's, or that of a layers model
 * of TensorFlow.js, by its `model.json`. Throws as {@link readModelFile} and {@link readLayersModel} do.
 */
export function readTrainedPart(path: string, output?: string): Model {
  if (path.endsWith('.json')) return convertLayersModel(readLayersModel(path), output);
  const model = lowerClassical(readModelFile(path, (graph) => chooseOutput(separateMerged(graph), output)));
  return output === undefined ? model : cutAt(model, output);
}

function readPart(model: string, { location, offset, length }: ExternalPart, place: string): Uint8Array {
  const file = openBeside(model, location);
  if (file.kind === 'outside') {
    throw new OnnxError(
      'onnx/inconsistent',
      `${place} lies outside of the model's folder, at ${JSON.stringify(location)}; put the file beside the model`,
    );
  }
  if (file.kind === 'unreadable') {
    throw new OnnxError(
      'onnx/inconsistent',
      `${place} should be in ${file.path}, which cannot be read: ${file.why}; fetch or export it again`,
    );
  }
  try {
    if (offset + length > file.sizeBytes) {
      throw new OnnxError(
        'onnx/inconsistent',
        `${place} should end at byte ${offset + length} of ${location}, which has ${file.sizeBytes}; fetch or export it again`,
      );
    }
    const bytes = new Uint8Array(length);
    readInto(bytes, file.descriptor, offset);
    return bytes;
  } finally {
    closeSync(file.descriptor);
  }
}
